/** A box of the tests with its files, an API server that answers by them, and a kubelet's port. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as PlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ReleaseDistribution } from '../../../contract/release/distribution.ts';
import { localMachine } from '../../../edge-updater/adapters/health/local-machine.ts';
import type { Box, BoxReading } from '../../../edge-updater/box/box.ts';
import { HealthOfBox } from '../../../edge-updater/health/box-health.ts';
import { BoxProbe } from '../../../edge-updater/health/box-probe.ts';
import type { HealthProbe } from '../../../edge-updater/ports.ts';
import { ApiServer, leaseOf, nodeOf, pathsOf } from '../../stand-ins/kubernetes/api-server.ts';
import type { ClusterCertificates, Pair } from '../../stand-ins/kubernetes/certificates.ts';
import { kubeconfig } from '../../stand-ins/kubernetes/kubeconfig.ts';

export const node = 'box-1';
export const never = new AbortController().signal;

export class ClusterOfBox implements AsyncDisposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'box-health-'));
  readonly certificates: ClusterCertificates;
  readonly api: ApiServer;
  /** Seconds of the monotonic clock. */
  now = 100;
  /** Milliseconds since 1970, for the ends of certificates. */
  date = Date.now();
  kubeletStatus = 200;
  /** For one question; a busy machine takes its time. */
  timeoutSeconds = 10;
  reading: BoxReading;
  distribution: ReleaseDistribution | undefined = { name: 'k3s', version: '1.33.9+k3s1', component: 'k3s' };
  podsIn: readonly string[] = [];
  probes: readonly HealthProbe[] = [];
  #renewals = 0;
  readonly #kubelet: PlainServer;

  private constructor(certificates: ClusterCertificates, api: ApiServer, kubelet: PlainServer) {
    [this.certificates, this.api, this.#kubelet] = [certificates, api, kubelet];
    this.reading = { kind: 'box', box: this.boxOf() };
  }

  static async open(certificates: ClusterCertificates): Promise<ClusterOfBox> {
    const serving = certificates.serving();
    const api = await ApiServer.start({ port: 0, serving, clientCa: certificates.clientCa });
    const kubelet = createServer();
    const cluster = new ClusterOfBox(certificates, api, kubelet);
    kubelet.on('request', (_, response) => response.writeHead(cluster.kubeletStatus).end('ok'));
    kubelet.listen(0, '127.0.0.1');
    await once(kubelet, 'listening');
    cluster.writeAccess('server/cred/admin.kubeconfig', certificates.admin());
    cluster.putNode('v1.33.9+k3s1', true);
    cluster.renewLease();
    return cluster;
  }

  get server(): string {
    return `https://127.0.0.1:${this.api.port}`;
  }

  boxOf(more: Partial<Box> = {}): Box {
    return {
      ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
      ...{ dataDir: this.folder, nodeName: node, datastore: { kind: 'sqlite' } },
      ...more,
    };
  }

  /** The kubeconfig and what it names. */
  writeAccess(name: string, { cert, key }: Pair, server = this.server): void {
    const file = (ending: string) => path.join(this.folder, `${name}.${ending}`);
    this.write(`${name}.ca`, this.certificates.serverCa);
    this.write(`${name}.crt`, cert);
    this.write(`${name}.key`, key);
    this.write(name, kubeconfig({ server, ca: file('ca'), cert: file('crt'), key: file('key') }));
  }

  write(name: string, content: string): void {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  putNode(version: string, isReady: boolean): void {
    this.api.objects.set(pathsOf(node).node, nodeOf(node, version, isReady));
  }

  renewLease(): void {
    const second = String(++this.#renewals).padStart(2, '0');
    this.api.objects.set(pathsOf(node).lease, leaseOf(node, `2026-11-29T00:00:${second}.000000Z`));
  }

  probe(): BoxProbe {
    const { port } = this.#kubelet.address() as AddressInfo;
    return new BoxProbe({
      box: new HealthOfBox({
        boxes: { read: async () => this.reading },
        machine: localMachine(
          this.timeoutSeconds,
          () => this.now,
          () => this.date,
        ),
        kubeletHealthz: `http://127.0.0.1:${port}/healthz`,
        podsIn: this.podsIn,
      }),
      distribution: () => this.distribution,
      probes: this.probes,
    });
  }

  /** A probe that has seen the lease renewed since the start. */
  async settled(): Promise<BoxProbe> {
    const probe = this.probe();
    probe.begin();
    await probe.probe(never);
    this.renewLease();
    return probe;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    this.#kubelet.close();
    this.#kubelet.closeAllConnections();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
