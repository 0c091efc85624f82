/** A cluster and a box that asks it: what a test does with each of two of them, so that it can compare what came of it. */
import type { BoxProbe } from '../../../edge-updater/health/box-probe.ts';
import type { Answer } from '../../../edge-updater/health/health-machine.ts';
import type { HealthResult } from '../../../edge-updater/ports.ts';
import { BoxWithAccess, never, node } from '../../edge-updater/health/box-with-access.ts';
import type { PodOfTest } from '../../stand-ins/kubernetes/api-server.ts';
import type { ClusterCertificates, Pair } from '../../stand-ins/kubernetes/certificates.ts';
import type { RealCluster } from './real-cluster.ts';
import type { ToldCluster } from './told-cluster.ts';

/** Of the release that the box is to run. */
export const version = 'v1.33.9+k3s1';

export interface Side {
  readonly cluster: ToldCluster;
  readonly box: BoxWithAccess;
}

export interface StartingLook {
  readonly role: 'server' | 'agent';
  readonly status: number;
  readonly found: HealthResult;
}

export async function sideOf(cluster: ToldCluster, certificates: ClusterCertificates): Promise<Side> {
  const box = new BoxWithAccess(certificates, cluster.server);
  await box.init();
  return { cluster, box };
}

export async function settled({ cluster, box }: Side): Promise<BoxProbe> {
  const probe = box.probe();
  probe.begin();
  await probe.probe(never);
  await cluster.renewLease();
  return probe;
}

/** Whatever a test before left: a server that answers, asks as administrator, and has a Node that is Ready and no pods. */
export async function makeWell({ cluster, box }: Side, certificates: ClusterCertificates): Promise<void> {
  await cluster.letGoOn();
  await cluster.findDatastore();
  await cluster.putNode(version, true);
  await cluster.renewLease();
  await cluster.putPods([]);
  asks(box, 'server', certificates.admin());
  [box.date, box.timeoutSeconds, box.podsIn] = [Date.now(), 10, []];
}

/** The box has that role and that certificate. */
export function asks(box: BoxWithAccess, role: 'server' | 'agent', pair: Pair): void {
  box.reading = { kind: 'box', box: box.boxOf({ role }) };
  box.writeAccess(role === 'server' ? 'server/cred/admin.kubeconfig' : 'agent/kubelet.kubeconfig', pair);
}

/** Looks again and again until both roles are answered well. @returns the last look of each status before */
export async function answersWhileStarting(
  cluster: RealCluster,
  look: (role: 'server' | 'agent') => Promise<HealthResult>,
): Promise<StartingLook[]> {
  const seen = new Map<string, StartingLook>();
  await cluster.until(async () => {
    let isReady = true;
    for (const role of ['server', 'agent'] as const) {
      const found = await look(role);
      const status = /^api: \/readyz answers (\d+)/.exec(found.detail)?.[1];
      if (status !== undefined) seen.set(`${role} ${status}`, { role, status: Number(status), found });
      isReady &&= !found.detail.startsWith('api: ');
    }
    return isReady;
  });
  return [...seen.values()];
}

export function pod(name: string, isReady: boolean, namespace = 'shop', phase = 'Running'): PodOfTest {
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
  return { metadata: { name, namespace }, spec: { nodeName: node }, status: { phase, conditions } };
}

/** Why nobody answered; the words beside it are those of a kernel. */
export function silenceOf(answer: Answer): string {
  return answer.kind === 'silence' ? answer.why : `answered ${answer.status}`;
}

/** Each of the two has a port, a box and times of its own. */
export function withoutOwn<T>(answer: T): T {
  const text = JSON.stringify(answer).replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
  return JSON.parse(
    text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g, 'TIME').replaceAll(/box-health-\w+/g, 'BOX'),
  );
}
