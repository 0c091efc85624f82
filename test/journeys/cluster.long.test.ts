/**
 * The API server that stands in for a real one is held to a real kube-apiserver of Kubernetes 1.20 over a real etcd: the
 * updater's own code asks both the same, and makes the same of both. There is no kubelet: the test writes what one would.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { linuxPreflight } from '../../edge-updater/adapters/preflight/linux-preflight.ts';
import { lookAtFacts } from '../../edge-updater/preflight/look-at-facts.ts';
import { never, node } from '../edge-updater/health/box-with-access.ts';
import { missingCommands } from '../services/commands.ts';
import { kubeApiServerProgram } from '../services/kube-apiserver-program.ts';
import { describeUnless } from '../services/requirement.ts';
import { type ApiAnswer, ApiClient } from '../stand-ins/kubernetes/api-client.ts';
import { type PodOfTest, pathsOf } from '../stand-ins/kubernetes/api-server.ts';
import { ClusterCertificates, type Pair } from '../stand-ins/kubernetes/certificates.ts';
import { RealCluster } from './cluster/real-cluster.ts';
import {
  answersWhileStarting,
  asks,
  makeWell,
  pod,
  type Side,
  settled,
  sideOf,
  silenceOf,
  version,
  withoutOwn,
} from './cluster/side.ts';
import { StandInCluster } from './cluster/stand-in-cluster.ts';

const lacks = missingCommands('etcd', 'openssl', 'setpriv');
const program = lacks === undefined ? await kubeApiServerProgram() : { unavailable: lacks };
const preflight = linuxPreflight(() => 0);

describeUnless(typeof program === 'string' ? undefined : program.unavailable, 'a kube-apiserver', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cluster-'));
  let certificates: ClusterCertificates;
  let starting: RealCluster;
  let standInCluster: StandInCluster;
  let real: Side;
  let standIn: Side;

  beforeAll(async () => {
    certificates = new ClusterCertificates(folder);
    starting = await RealCluster.launch(String(program), certificates, node);
    real = await sideOf(starting, certificates);
    standInCluster = await StandInCluster.open(certificates, node);
    standIn = await sideOf(standInCluster, certificates);
  });

  afterAll(async () => {
    for (const side of [real, standIn]) {
      await side?.cluster[Symbol.asyncDispose]();
      await side?.box[Symbol.asyncDispose]();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** What both are the same in. @returns it, for the test to name it */
  async function same<T>(ask: (side: Side) => Promise<T>): Promise<T> {
    const [ofReal, ofStandIn] = [withoutOwn(await ask(real)), withoutOwn(await ask(standIn))];
    expect(ofStandIn).toEqual(ofReal);
    return ofReal;
  }

  const both = async (tell: (side: Side) => Promise<void> | void): Promise<void> => {
    await tell(real);
    await tell(standIn);
  };
  const look = () => same(({ box }) => box.probe().probe(never));
  /** A look that has seen the lease renewed since the start. */
  const settledLook = () => same(async (side) => (await settled(side)).probe(never));
  const failing = (detail: string | RegExp) => ({ isHealthy: false, detail: expect.stringMatching(detail) });

  it('is not ready while it starts: a server fails by that, and its agents wait', async () => {
    const pairs = { server: certificates.admin(), agent: certificates.kubelet(node) };
    const lookAs = (role: 'server' | 'agent', { box }: Side) => {
      asks(box, role, pairs[role]);
      return box.probe().probe(never);
    };
    const seen = await answersWhileStarting(starting, (role) => lookAs(role, real));
    for (const { role, status, found: ofReal } of seen) {
      standInCluster.answerAsStarting(status);
      const ofStandIn = await lookAs(role, standIn);
      const isWaited = [ofReal, ofStandIn].map(({ isHealthy, isUndecided }) => [isHealthy, isUndecided ?? false]);
      expect(isWaited, `${role} ${status}`).toEqual(Array(2).fill([false, role === 'agent']));
      // Which checks fail is another at each moment, and another in the next version.
      if (status === 500)
        expect(ofReal.detail).toMatch(/^api: \/readyz answers 500: (\S+, )*\S+( and \d+ more)? failed;/);
      else expect(ofStandIn).toEqual(ofReal);
    }
    // It writes its roles a second after it listens, and is not ready before.
    expect(seen.map(({ role, status }) => `${role} ${status}`)).toContain('server 500');
  });

  describe('that has started', () => {
    beforeEach(() => both((side) => makeWell(side, certificates)));

    it('has a Node that is Ready, with a lease that is renewed', async () => {
      const detail = `unit: k3s.service is active; api: /readyz says ok; kubelet: healthz says ok; node: ${node} is Ready at ${version}`;
      expect(await settledLook()).toEqual({ isHealthy: true, detail, evidence: detail });
    });

    it('has a lease of before the start, and one that is not renewed any more', async () => {
      expect(await look()).toEqual(failing(/^node: box-1: its lease of TIME was not renewed since the start; /));
      const stale = await same(async (side) => {
        const probe = await settled(side);
        await probe.probe(never);
        side.box.now += 41;
        return probe.probe(never);
      });
      expect(stale).toEqual(failing('^node: box-1: its lease was not renewed for 41 s; '));
    });

    it('has a Node of another version, and one that is not Ready', async () => {
      await both(({ cluster }) => cluster.putNode('v1.33.8+k3s1', true));
      expect(await settledLook()).toEqual(failing('^node: box-1 reports v1.33.8\\+k3s1, expected v1.33.9\\+k3s1; '));
      await both(({ cluster }) => cluster.putNode(version, false));
      expect(await settledLook()).toEqual(failing('^node: box-1 is not Ready \\(KubeletNotReady\\); '));
    });

    it('has no Node, and a Node without a lease', async () => {
      await both(({ cluster }) => cluster.removeNode());
      expect(await look()).toEqual(failing('^node: Node box-1 answers 404: nodes "box-1" not found; '));
      await both(async ({ cluster }) => {
        await cluster.putNode(version, true);
        await cluster.removeLease();
      });
      expect(await look()).toEqual(
        failing('^node: lease of box-1 answers 404: leases.coordination.k8s.io "box-1" not found; '),
      );
    });

    it('has pods, of which those of chosen namespaces on this Node have to be ready', async () => {
      const other = { ...pod('elsewhere', false), spec: { nodeName: 'box-2' } };
      const leaving = pod('leaving', false);
      const left = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-11-29T00:00:00Z' } };
      const fine = [pod('till', true), pod('job', false, 'shop', 'Succeeded'), left, pod('x', false, 'other'), other];
      const tell = (pods: readonly PodOfTest[]) =>
        both(async ({ cluster, box }) => {
          box.podsIn = ['shop', 'kube-system'];
          await cluster.putPods(pods);
        });
      await tell(fine);
      expect(await settledLook()).toMatchObject({
        ...{ isHealthy: true, detail: expect.stringMatching(/; pods: 1 are ready in shop, kube-system$/) },
      });
      await tell([...fine, pod('scale', false), pod('dns', false, 'kube-system', 'Pending')]);
      const unready = failing('^pods: 2 of 3 are not ready: kube-system/dns, shop/scale; ');
      expect(await settledLook()).toEqual(unready);
      await both(({ box }) => asks(box, 'agent', certificates.kubelet(node)));
      expect(await settledLook()).toEqual(unready);
    });

    it('has counted the deprecated APIs that its clients asked for', async () => {
      const requested = () =>
        same(async ({ box }) => (await lookAtFacts(preflight, box.boxOf(), Date.now(), never)).requestedApis ?? null);
      expect(await requested()).toEqual([]);
      await both(({ cluster }) => cluster.useDeprecatedApi());
      expect(await requested()).toEqual([{ name: 'extensions/v1beta1 ingresses', removedIn: '1.22' }]);
    });

    it('tells its version to the kubelet of an agent', async () => {
      const told = await same(async ({ box }) => {
        asks(box, 'agent', certificates.kubelet(node));
        const { serverVersion } = await lookAtFacts(preflight, box.boxOf({ role: 'agent' }), Date.now(), never);
        return serverVersion ?? null;
      });
      expect(told).toBe('1.20.2');
    });

    it('has no plan of an autopilot, which a box asks any K0s for', async () => {
      const path = '/apis/autopilot.k0sproject.io/v1beta2/plans/autopilot';
      const asAdmin = ({ cluster }: Side) => new ApiClient(cluster.server, certificates.serverCa, certificates.admin());
      expect((await same((side) => asAdmin(side).ask({ path }))).status).toBe(404);
    });

    describe('asked with another certificate', () => {
      const lookAs = async (pair: Pair) => {
        await both(({ box }) => asks(box, 'server', pair));
        return look();
      };

      it('refuses one without rights, and names what it may not', async () => {
        const why =
          'nodes "box-1" is forbidden: User "nobody" cannot get resource "nodes" in API group "" at the cluster scope';
        expect(await lookAs(certificates.nobody())).toEqual(failing(`^node: Node box-1 answers 403: ${why}; `));
      });

      it('does not know one of another authority', async () => {
        expect(await lookAs(certificates.stranger())).toEqual(failing('^api: /readyz answers 401: Unauthorized; '));
      });

      it('does not know one that has ended, where the box asks with it by a clock that is behind', async () => {
        expect(await lookAs(certificates.expired())).toEqual(failing(/^api: .* the certificate .* ended on /));
        await both(({ box }) => {
          box.date -= 3 * 24 * 3600 * 1000;
        });
        expect(await look()).toEqual(failing('^api: /readyz answers 401: Unauthorized; '));
      });

      it('is not asked where its own is of another authority', async () => {
        await both(({ box }) => box.write('server/cred/admin.kubeconfig.ca', certificates.clientCa));
        expect(await look()).toEqual(failing(/^api: \/readyz at 127\.0\.0\.1:PORT: .*certificate/));
      });
    });

    it('answers in the same shape whatever a box asks, as whoever', async () => {
      const askers = {
        ...{ admin: certificates.admin(), kubelet: certificates.kubelet(node), nobody: certificates.nobody() },
        ...{ expired: certificates.expired(), stranger: certificates.stranger(), anonymous: undefined },
      };
      const { node: ofNode, lease } = pathsOf(node);
      const pods = `/api/v1/pods?fieldSelector=spec.nodeName%3D${node}`;
      const paths = ['/readyz', '/version', '/metrics', ofNode, lease, pods];
      const shapes = await same(async ({ cluster }) => {
        const found: Record<string, ApiAnswer> = {};
        for (const [who, pair] of Object.entries(askers)) {
          const client = new ApiClient(cluster.server, certificates.serverCa, pair);
          for (const asked of paths) {
            const answer = await client.ask({ path: asked });
            // What a box makes of the rest is compared above; a real one has many fields more.
            const isObject = answer.status === 200 && asked !== '/readyz';
            found[`${who} ${asked}`] = isObject ? { ...answer, body: '' } : answer;
          }
        }
        return found;
      });
      const statuses = (who: string) => paths.map((asked) => shapes[`${who} ${asked}`]?.status);
      expect(statuses('admin')).toEqual([200, 200, 200, 200, 200, 200]);
      expect(statuses('kubelet')).toEqual([200, 200, 403, 200, 200, 200]);
      expect(statuses('nobody')).toEqual([200, 200, 403, 403, 403, 403]);
      for (const who of ['expired', 'stranger', 'anonymous']) expect(statuses(who), who).toEqual(Array(6).fill(401));
    });

    it('is not ready without its datastore', async () => {
      await both(({ cluster }) => cluster.loseDatastore());
      expect(await look()).toEqual(failing('^api: /readyz answers 500: etcd failed; '));
      await both(({ cluster }) => cluster.findDatastore());
      expect(await settledLook()).toMatchObject({ isHealthy: true });
    });

    it('is not waited for without end when it does not answer', async () => {
      await both(async ({ cluster, box }) => {
        box.timeoutSeconds = 1;
        await cluster.holdUp();
      });
      expect(await same(async ({ box }) => silenceOf(await box.askApi('/readyz')))).toBe('unreachable');
      await both(async ({ cluster, box }) => {
        box.timeoutSeconds = 10;
        await cluster.letGoOn();
      });
      expect(await settledLook()).toMatchObject({ isHealthy: true });
    });
  });

  it('is gone in the middle of an answer, and for good', async () => {
    const dying = ({ cluster, box }: Side) => cluster.dieAnswering(() => box.askApi(pathsOf(node).node));
    expect(await same(async (side) => silenceOf(await dying(side)))).toBe('closed');
    expect(await look()).toEqual(failing(/^api: \/readyz at 127\.0\.0\.1:PORT: connect ECONNREFUSED/));
  });
});
