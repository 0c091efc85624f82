/** A box of the tests together with the API server that answers by what the test puts there. */
import type { BoxProbe } from '../../../edge-updater/health/box-probe.ts';
import { ApiServer, leaseOf, nodeOf, pathsOf } from '../../stand-ins/kubernetes/api-server.ts';
import type { ClusterCertificates } from '../../stand-ins/kubernetes/certificates.ts';
import { BoxWithAccess, never, node } from './box-with-access.ts';

export class ClusterOfBox extends BoxWithAccess {
  readonly api: ApiServer;
  #renewals = 0;

  private constructor(certificates: ClusterCertificates, api: ApiServer) {
    super(certificates, `https://127.0.0.1:${api.port}`);
    this.api = api;
  }

  static async open(certificates: ClusterCertificates): Promise<ClusterOfBox> {
    const serving = certificates.serving();
    const api = await ApiServer.start({ port: 0, serving, clientCa: certificates.clientCa });
    const cluster = new ClusterOfBox(certificates, api);
    await cluster.init();
    cluster.putNode('v1.33.9+k3s1', true);
    cluster.renewLease();
    return cluster;
  }

  putNode(version: string, isReady: boolean): void {
    this.api.objects.set(pathsOf(node).node, nodeOf(node, version, isReady));
  }

  renewLease(): void {
    const second = String(++this.#renewals).padStart(2, '0');
    this.api.objects.set(pathsOf(node).lease, leaseOf(node, `2026-11-29T00:00:${second}.000000Z`));
  }

  /** A probe that has seen the lease renewed since the start. */
  async settled(): Promise<BoxProbe> {
    const probe = this.probe();
    probe.begin();
    await probe.probe(never);
    this.renewLease();
    return probe;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}
