/** A box of the tests with its files and a kubelet's port, whose updater asks an API server wherever that is. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as PlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ReleaseDistribution } from '../../../contract/release/distribution.ts';
import { localMachine } from '../../../edge-updater/adapters/health/local-machine.ts';
import type { Box, BoxReading } from '../../../edge-updater/box/box.ts';
import { HealthOfBox } from '../../../edge-updater/health/box-health.ts';
import { BoxProbe } from '../../../edge-updater/health/box-probe.ts';
import type { Answer, HealthMachine } from '../../../edge-updater/health/health-machine.ts';
import { accessIn } from '../../../edge-updater/health/kubeconfig.ts';
import type { HealthProbe } from '../../../edge-updater/ports.ts';
import type { ClusterCertificates, Pair } from '../../stand-ins/kubernetes/certificates.ts';
import { kubeconfig } from '../../stand-ins/kubernetes/kubeconfig.ts';

export const node = 'box-1';
export const never = new AbortController().signal;

export class BoxWithAccess implements AsyncDisposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'box-health-'));
  readonly certificates: ClusterCertificates;
  /** Base URL of its API server. */
  readonly server: string;
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
  readonly #kubelet: PlainServer;

  constructor(certificates: ClusterCertificates, server: string) {
    [this.certificates, this.server] = [certificates, server];
    this.#kubelet = createServer((_, response) => response.writeHead(this.kubeletStatus).end('ok'));
    this.reading = { kind: 'box', box: this.boxOf() };
  }

  /** The kubelet says that it is well from then on. */
  async init(): Promise<void> {
    this.#kubelet.listen(0, '127.0.0.1');
    await once(this.#kubelet, 'listening');
    this.writeAccess('server/cred/admin.kubeconfig', this.certificates.admin());
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

  /** One question of the administrator's kubeconfig, as a look asks it. */
  askApi(asked: string): Promise<Answer> {
    const file = path.join(this.folder, 'server/cred/admin.kubeconfig');
    return this.#machine.askApi(accessIn(readFileSync(file, 'utf8'), file), asked, never);
  }

  get #machine(): HealthMachine {
    return localMachine(
      this.timeoutSeconds,
      () => this.now,
      () => this.date,
    );
  }

  probe(): BoxProbe {
    const { port } = this.#kubelet.address() as AddressInfo;
    return new BoxProbe({
      box: new HealthOfBox({
        boxes: { read: async () => this.reading },
        machine: this.#machine,
        kubeletHealthz: `http://127.0.0.1:${port}/healthz`,
        podsIn: this.podsIn,
      }),
      distribution: () => this.distribution,
      probes: this.probes,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kubelet.close();
    this.#kubelet.closeAllConnections();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
