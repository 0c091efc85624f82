/**
 * What a K3s of the tests serves where its release came with a cluster's certificates: an API server on a server, a load
 * balancer on an agent (pkg/agent/loadbalancer of K3s), and a kubelet on both, with kubeconfigs where K3s keeps them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiServer } from '../kubernetes/api-server.ts';
import type { ClusterFiles } from '../kubernetes/cluster-files.ts';
import { kubeconfig } from '../kubernetes/kubeconfig.ts';
import { type KubeletFaults, startKubelet } from '../kubernetes/kubelet.ts';

export interface K3sCluster {
  readonly data: string;
  readonly files: ClusterFiles;
  readonly options: ReadonlyMap<string, string>;
  readonly nodeName: string;
  readonly version: string;
  readonly faults: KubeletFaults;
}

export async function startServer(cluster: K3sCluster): Promise<void> {
  const { data, files, options } = cluster;
  const port = Number(options.get('https-listen-port') ?? 6443);
  const tls = (name: string) => path.join(data, 'server', 'tls', name);
  write(tls('server-ca.crt'), files.serverCa);
  write(tls('client-ca.crt'), files.clientCa);
  write(tls('client-admin.crt'), files.admin.cert);
  write(tls('client-admin.key'), files.admin.key);
  const server = `https://127.0.0.1:${port}`;
  const [ca, cert, key] = ['server-ca.crt', 'client-admin.crt', 'client-admin.key'].map(tls) as [
    string,
    string,
    string,
  ];
  write(path.join(data, 'server/cred/admin.kubeconfig'), kubeconfig({ server, ca, cert, key }));
  await ApiServer.start({ port, serving: files.serving, clientCa: files.clientCa });
  if (options.get('disable-agent') !== 'true') startAgentOf(cluster, server);
}

/** Comes back when the server has answered: it is asked for ever. */
export async function startAgent(cluster: K3sCluster): Promise<void> {
  const { data, options } = cluster;
  const server = new URL(options.get('server') ?? '');
  const port = Number(options.get('lb-server-port') ?? 6444);
  const known = { ServerURL: server.origin, ServerAddresses: [server.host] };
  write(path.join(data, 'agent/etc/k3s-agent-load-balancer.json'), JSON.stringify(known));
  startBalancer(port, server);
  layOutAgent(cluster, `https://127.0.0.1:${port}`);
  while (!(await isThere(server))) await pause(200);
  startAgentOf(cluster, `https://127.0.0.1:${port}`);
}

function startAgentOf(cluster: K3sCluster, server: string): void {
  const files = layOutAgent(cluster, server);
  const [, healthzPort] = /healthz-port=(\d+)/.exec(cluster.options.get('kubelet-arg') ?? '') ?? [];
  const { nodeName: name, version, faults } = cluster;
  startKubelet({ name, version, server, files, healthzPort: Number(healthzPort ?? 10248), faults });
}

function layOutAgent({ data, files }: K3sCluster, server: string) {
  const agent = (name: string) => path.join(data, 'agent', name);
  const [ca, cert, key] = ['server-ca.crt', 'client-kubelet.crt', 'client-kubelet.key'].map(agent) as [
    string,
    string,
    string,
  ];
  write(ca, files.serverCa);
  write(cert, files.kubelet.cert);
  write(key, files.kubelet.key);
  write(agent('kubelet.kubeconfig'), kubeconfig({ server, ca, cert, key }));
  return { ca, cert, key };
}

/** Takes connections whether there is a server or not, and hangs up where there is none. */
function startBalancer(port: number, { hostname, port: to }: URL): void {
  const balancer = createServer((near) => {
    const far = connect(Number(to), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  balancer.listen(port, '127.0.0.1');
}

function isThere({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on('connect', () => resolve(socket.destroy() !== undefined));
    socket.on('error', () => resolve(false));
  });
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content, { mode: 0o600 });
}
