/** The cluster of the API server that stands in for a real one in all other tests. */
import { setTimeout as pause } from 'node:timers/promises';
import { ApiServer, leaseOf, nodeOf, type PodOfTest, pathsOf } from '../../stand-ins/kubernetes/api-server.ts';
import type { ClusterCertificates } from '../../stand-ins/kubernetes/certificates.ts';
import { nextRenewTime, type ToldCluster } from './told-cluster.ts';

/** As a kube-apiserver 1.20.2 counts it. */
export const deprecatedUse =
  'apiserver_requested_deprecated_apis{group="extensions",removed_release="1.22",resource="ingresses",subresource="",version="v1beta1"} 1';

export class StandInCluster implements ToldCluster {
  readonly server: string;
  readonly #api: ApiServer;
  readonly #node: string;

  private constructor(api: ApiServer, node: string) {
    [this.#api, this.#node, this.server] = [api, node, `https://127.0.0.1:${api.port}`];
    api.texts.set('/version', JSON.stringify({ major: '1', minor: '20', gitVersion: 'v1.20.2' }));
    api.texts.set('/metrics', '');
  }

  static async open(certificates: ClusterCertificates, node: string): Promise<StandInCluster> {
    const serving = certificates.serving();
    return new StandInCluster(await ApiServer.start({ port: 0, serving, clientCa: certificates.clientCa }), node);
  }

  /** As a real one does while it starts: to administrators 500, to others 403 as long as it has not read its roles. */
  answerAsStarting(status: number): void {
    this.#api.isReady = status === 200;
    this.#api.hasRoles = status !== 403;
  }

  async putNode(version: string, isReady: boolean): Promise<void> {
    this.#api.objects.set(pathsOf(this.#node).node, nodeOf(this.#node, version, isReady));
  }

  async removeNode(): Promise<void> {
    this.#api.objects.delete(pathsOf(this.#node).node);
  }

  async renewLease(): Promise<void> {
    this.#api.objects.set(pathsOf(this.#node).lease, leaseOf(this.#node, nextRenewTime()));
  }

  async removeLease(): Promise<void> {
    this.#api.objects.delete(pathsOf(this.#node).lease);
  }

  async putPods(pods: readonly PodOfTest[]): Promise<void> {
    this.#api.pods = [...pods];
  }

  async useDeprecatedApi(): Promise<void> {
    this.#api.texts.set('/metrics', `${deprecatedUse}\n`);
  }

  async loseDatastore(): Promise<void> {
    this.#api.isReady = false;
  }

  async findDatastore(): Promise<void> {
    this.answerAsStarting(200);
  }

  async holdUp(): Promise<void> {
    this.#api.delayMs = 5000;
  }

  async letGoOn(): Promise<void> {
    this.#api.delayMs = 0;
  }

  async dieAnswering<T>(ask: () => Promise<T>): Promise<T> {
    await this.holdUp();
    const before = this.#api.asked.length;
    const answer = ask();
    while (this.#api.asked.length === before) await pause(10);
    await this[Symbol.asyncDispose]();
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#api[Symbol.asyncDispose]();
  }
}
