/** A cluster of one Node that a test tells what to answer; what that Node's kubelet would write, the test writes. */
import type { PodOfTest } from '../../stand-ins/kubernetes/api-server.ts';

export interface ToldCluster extends AsyncDisposable {
  /** Base URL of the API server. */
  readonly server: string;
  putNode(version: string, isReady: boolean): Promise<void>;
  removeNode(): Promise<void>;
  /** Each time with a later time. */
  renewLease(): Promise<void>;
  removeLease(): Promise<void>;
  /** Those and no others. */
  putPods(pods: readonly PodOfTest[]): Promise<void>;
  /** A client asks for an API that Kubernetes 1.22 is without. */
  useDeprecatedApi(): Promise<void>;
  /** Its datastore does not answer any more, and does again. */
  loseDatastore(): Promise<void>;
  findDatastore(): Promise<void>;
  /** It takes connections and answers nothing; and goes on. */
  holdUp(): Promise<void>;
  letGoOn(): Promise<void>;
  /** It is killed while it answers that. @returns what the asking one gets */
  dieAnswering<T>(ask: () => Promise<T>): Promise<T>;
}

let renewals = 0;

export function nextRenewTime(): string {
  return `2026-11-29T00:00:${String(++renewals % 60).padStart(2, '0')}.000000Z`;
}
