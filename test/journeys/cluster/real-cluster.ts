/** The cluster of a real kube-apiserver: everything is written through its API, by the kubelet's certificate or an administrator's. */
import { setTimeout as pause } from 'node:timers/promises';
import { KubeApiServer } from '../../services/kube-apiserver.ts';
import { ApiClient } from '../../stand-ins/kubernetes/api-client.ts';
import { leaseOf, nodeOf, type PodOfTest, pathsOf } from '../../stand-ins/kubernetes/api-server.ts';
import type { ClusterCertificates } from '../../stand-ins/kubernetes/certificates.ts';
import { nextRenewTime, type ToldCluster } from './told-cluster.ts';

const readyTimeoutMs = 170_000;
const readyPollMs = 200;
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

export class RealCluster implements ToldCluster {
  readonly server: string;
  readonly #api: KubeApiServer;
  readonly #node: string;
  readonly #admin: ApiClient;
  readonly #kubelet: ApiClient;
  #pods: readonly PodOfTest[] = [];

  private constructor(api: KubeApiServer, certificates: ClusterCertificates, node: string) {
    [this.#api, this.#node, this.server] = [api, node, `https://127.0.0.1:${api.port}`];
    this.#admin = new ApiClient(this.server, certificates.serverCa, certificates.admin());
    this.#kubelet = new ApiClient(this.server, certificates.serverCa, certificates.kubelet(node));
  }

  /** It is not ready yet then. */
  static async launch(program: string, certificates: ClusterCertificates, node: string): Promise<RealCluster> {
    const serving = certificates.serving();
    const api = await KubeApiServer.launch({ program, serving, clientCa: certificates.clientCa });
    return new RealCluster(api, certificates, node);
  }

  /** @param isReady asked again and again */
  async until(isReady: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + readyTimeoutMs; !(await isReady()); await pause(readyPollMs)) {
      await this.#api.assertRunning();
      if (Date.now() > deadline) throw new Error(`kube-apiserver was not ready after ${readyTimeoutMs} ms`);
    }
  }

  async putNode(version: string, isReady: boolean): Promise<void> {
    const { metadata, status } = nodeOf(this.#node, version, isReady);
    await this.#kubelet.do({ method: 'POST', path: '/api/v1/nodes', body: { metadata } }, 409);
    await this.#kubelet.do({ method: 'PATCH', path: `${pathsOf(this.#node).node}/status`, body: { status } });
  }

  removeNode(): Promise<void> {
    return this.#admin.do({ method: 'DELETE', path: pathsOf(this.#node).node }, 404);
  }

  async renewLease(): Promise<void> {
    const { metadata, spec } = leaseOf(this.#node, nextRenewTime());
    await this.#kubelet.do({ method: 'POST', path: leases, body: { metadata } }, 409);
    await this.#kubelet.do({ method: 'PATCH', path: pathsOf(this.#node).lease, body: { spec } });
  }

  removeLease(): Promise<void> {
    return this.#admin.do({ method: 'DELETE', path: pathsOf(this.#node).lease }, 404);
  }

  async putPods(pods: readonly PodOfTest[]): Promise<void> {
    for (const pod of this.#pods) await this.#removePod(pod, 0);
    this.#pods = pods;
    for (const pod of pods) await this.#addPod(pod);
  }

  async useDeprecatedApi(): Promise<void> {
    await this.#admin.do({ path: '/apis/extensions/v1beta1/ingresses' });
  }

  loseDatastore(): Promise<void> {
    return this.#api.holdUp('etcd');
  }

  async findDatastore(): Promise<void> {
    this.#api.letGoOn('etcd');
    await this.until(async () => (await this.#admin.ask({ path: '/readyz' })).status === 200);
  }

  holdUp(): Promise<void> {
    return this.#api.holdUp('kube-apiserver');
  }

  async letGoOn(): Promise<void> {
    this.#api.letGoOn('kube-apiserver');
  }

  async dieAnswering<T>(ask: () => Promise<T>): Promise<T> {
    // Without its datastore it has no answer yet; what needs none is answered behind that question.
    await this.loseDatastore();
    const answer = ask();
    await this.#admin.ask({ path: '/version' });
    await this.#api.kill('kube-apiserver');
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#api[Symbol.asyncDispose]();
  }

  /** No scheduler binds it and no kubelet runs it: it says that it is where it is, and how it is. */
  async #addPod({ metadata, spec, status }: PodOfTest): Promise<void> {
    const { name, namespace, deletionTimestamp } = metadata;
    await this.#admin.do({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } }, 409);
    const containers = [{ name: 'only', image: 'none' }];
    const body = { metadata: { name, namespace }, spec: { ...spec, containers } };
    await this.#admin.do({ method: 'POST', path: podsIn(namespace), body });
    await this.#admin.do({ method: 'PATCH', path: `${podsIn(namespace)}/${name}/status`, body: { status } });
    if (deletionTimestamp !== undefined) await this.#removePod({ metadata }, 3600);
  }

  /** It stays for as long, on its way out: there is nobody who could end it. */
  #removePod({ metadata: { name, namespace } }: Pick<PodOfTest, 'metadata'>, seconds: number): Promise<void> {
    const path = `${podsIn(namespace)}/${name}?gracePeriodSeconds=${seconds}`;
    return this.#admin.do({ method: 'DELETE', path }, 404);
  }
}

function podsIn(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}
