/** A look at a box through a real HTTPS connection with its own certificates: each step as it passes and as it fails. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { type PodOfTest, pathsOf } from '../../stand-ins/kubernetes/api-server.ts';
import { ClusterCertificates } from '../../stand-ins/kubernetes/certificates.ts';
import { never, node } from './box-with-access.ts';
import { ClusterOfBox } from './cluster-of-box.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'box-probe-'));
let certificates: ClusterCertificates;
let cluster: ClusterOfBox;

const look = async () => (await cluster.settled()).probe(never);
const failing = (detail: string | RegExp) => ({ isHealthy: false, detail: expect.stringMatching(detail) });
const undecided = (detail: string | RegExp) => ({ ...failing(detail), isUndecided: true });

function pod(name: string, isReady: boolean, more: Partial<PodOfTest['status']> = {}, namespace = 'shop'): PodOfTest {
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
  return { metadata: { name, namespace }, spec: { nodeName: node }, status: { phase: 'Running', conditions, ...more } };
}

describeUnless(missingCommands('openssl'), 'a look at a box', () => {
  beforeAll(() => {
    certificates = new ClusterCertificates(folder);
  });
  beforeEach(async () => {
    cluster = await ClusterOfBox.open(certificates);
  });
  afterEach(() => cluster[Symbol.asyncDispose]());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('passes when all is well, and says what it saw at each step', async () => {
    const { isHealthy, detail, evidence } = await look();
    expect(detail).toBe(
      'unit: k3s.service is active; api: /readyz says ok; kubelet: healthz says ok; node: box-1 is Ready at v1.33.9+k3s1',
    );
    expect({ isHealthy, evidence }).toEqual({ isHealthy: true, evidence: detail });
  });

  it('fails where another version runs than the release brings, by the process', async () => {
    cluster.reading = { kind: 'box', box: cluster.boxOf({ version: 'v1.33.8+k3s1' }) };
    expect(await look()).toEqual(failing('^unit: k3s.service runs k3s v1.33.8\\+k3s1, expected k3s v1.33.9\\+k3s1$'));
    cluster.reading = { kind: 'box', box: cluster.boxOf({ version: 'v1.33.9+k3s1' }) };
    expect(await look()).toMatchObject({ isHealthy: true });
  });

  it('fails while it is not clear which box it is', async () => {
    cluster.reading = { kind: 'refused', code: 'box-ambiguous', message: 'two units run' };
    expect(await look()).toEqual(failing('^box: box-ambiguous: two units run$'));
  });

  describe('at its API server', () => {
    it('fails while that is not ready', async () => {
      cluster.api.isReady = false;
      expect(await look()).toEqual(failing('^api: /readyz answers 500: etcd failed; passed: unit$'));
    });

    it('fails where nobody listens', async () => {
      await cluster.api[Symbol.asyncDispose]();
      expect(await look()).toEqual(failing(/^api: \/readyz at 127\.0\.0\.1:\d+: .*ECONNREFUSED/));
    });

    it('fails when the answer takes longer than a probe may', async () => {
      [cluster.api.delayMs, cluster.timeoutSeconds] = [3000, 0.3];
      expect(await look()).toEqual(failing(/^api: .*timeout/));
    });

    it('fails with a certificate that has ended, and does not ask', async () => {
      cluster.date = Date.now() + 400 * 24 * 3600 * 1000;
      expect(await look()).toEqual(failing(/^api: .*the certificate \/.*\.(ca|crt) ended on /));
      expect(cluster.api.asked).toEqual([]);
    });

    it.each<[string, string, RegExp]>([
      ['a certificate that is none', 'server/cred/admin.kubeconfig.crt', /certificates cannot be read/],
      ['a key that is none', 'server/cred/admin.kubeconfig.key', /^api: /],
      ['an authority that is none', 'server/cred/admin.kubeconfig.ca', /certificates cannot be read/],
      ['a kubeconfig that is none', 'server/cred/admin.kubeconfig', /^api: .*admin\.kubeconfig/],
    ])('fails with %s', async (_, file, detail) => {
      cluster.write(file, 'garbled');
      expect(await look()).toEqual(failing(detail));
      expect(cluster.api.asked).toEqual([]);
    });

    it('fails without a kubeconfig', async () => {
      rmSync(path.join(cluster.folder, 'server/cred/admin.kubeconfig'));
      expect(await look()).toEqual(failing(/admin\.kubeconfig is not there/));
    });

    it('fails with a certificate of somebody else: nobody is answered without a known one', async () => {
      cluster.writeAccess('server/cred/admin.kubeconfig', certificates.stranger());
      expect(await look()).toEqual(failing('^api: /readyz answers 401'));
    });

    it('fails where the server has a certificate of somebody else', async () => {
      cluster.write('server/cred/admin.kubeconfig.ca', certificates.clientCa);
      expect(await look()).toEqual(failing(/^api: .*(self-signed|unable to verify|certificate)/));
      expect(cluster.api.asked).toEqual([]);
    });
  });

  it('fails while the kubelet is not well', async () => {
    cluster.kubeletStatus = 500;
    expect(await look()).toEqual(failing(/^kubelet: .*answers 500; passed: unit, api$/));
  });

  describe('at its Node', () => {
    it('fails where the kubelet reports another version, ready or not', async () => {
      cluster.putNode('v1.33.8+k3s1', true);
      expect(await look()).toEqual(failing('^node: box-1 reports v1.33.8\\+k3s1, expected v1.33.9\\+k3s1'));
    });

    it('asks for the version as K0s has its kubelet report it', async () => {
      cluster.reading = { kind: 'box', box: cluster.boxOf({ distribution: 'k0s', role: 'controller+worker' }) };
      cluster.distribution = { name: 'k0s', version: '1.33.9+k0s.0', component: 'k0s' };
      cluster.writeAccess('pki/admin.conf', certificates.admin());
      cluster.putNode('v1.33.9+k0s', true);
      expect(await look()).toMatchObject({ isHealthy: true });
      cluster.putNode('v1.33.9+k0s.0', true);
      expect(await look()).toEqual(failing('expected v1.33.9\\+k0s;'));
    });

    it('asks for no version that the release does not state', async () => {
      cluster.distribution = undefined;
      cluster.putNode('v1.20.0', true);
      expect(await look()).toMatchObject({ isHealthy: true });
    });

    it('fails as long as it is not Ready', async () => {
      cluster.putNode('v1.33.9+k3s1', false);
      const probe = await cluster.settled();
      for (let i = 0; i < 3; i++) {
        expect(await probe.probe(never)).toEqual(failing('^node: box-1 is not Ready \\(KubeletNotReady\\)'));
      }
    });

    it('fails with a lease of before the start, however fresh it looks, and passes once that is renewed', async () => {
      const probe = cluster.probe();
      probe.begin();
      for (let i = 0; i < 3; i++) {
        cluster.now += 10;
        expect(await probe.probe(never)).toEqual(
          failing(/^node: box-1: its lease of \S+ was not renewed since the start/),
        );
      }
      cluster.renewLease();
      expect(await probe.probe(never)).toMatchObject({ isHealthy: true });
      probe.begin();
      expect(await probe.probe(never)).toMatchObject({ isHealthy: false });
    });

    it('fails once the lease is not renewed any more', async () => {
      const probe = await cluster.settled();
      expect(await probe.probe(never)).toMatchObject({ isHealthy: true });
      cluster.now += 40;
      expect(await probe.probe(never)).toMatchObject({ isHealthy: true });
      cluster.now += 1;
      expect(await probe.probe(never)).toEqual(failing('its lease was not renewed for 41 s'));
    });

    it('fails without a Node and without a lease', async () => {
      cluster.api.objects.clear();
      expect(await look()).toEqual(failing('^node: Node box-1 answers 404'));
      cluster.putNode('v1.33.9+k3s1', true);
      cluster.api.objects.delete(pathsOf(node).lease);
      expect(await cluster.probe().probe(never)).toEqual(failing('^node: lease of box-1 answers 404'));
    });
  });

  it('has no Node to look at on a server without a kubelet', async () => {
    cluster.reading = { kind: 'box', box: cluster.boxOf({ nodeName: undefined }) };
    cluster.kubeletStatus = 500;
    const detail = 'unit: k3s.service is active; api: /readyz says ok';
    expect(await look()).toEqual({ isHealthy: true, detail, evidence: detail });
    cluster.reading = {
      kind: 'box',
      box: cluster.boxOf({ role: 'controller', distribution: 'k0s', nodeName: undefined }),
    };
    cluster.distribution = undefined;
    cluster.writeAccess('pki/admin.conf', certificates.admin());
    expect(await look()).toMatchObject({ isHealthy: true });
  });

  it('fails at an agent whose kubelet has no certificate yet', async () => {
    cluster.reading = { kind: 'box', box: cluster.boxOf({ role: 'agent', nodeName: undefined }) };
    cluster.writeAccess('agent/kubelet.kubeconfig', certificates.kubelet(node));
    expect(await look()).toEqual(failing('^node: the kubelet has no certificate with its name yet'));
  });

  it('wants the pods of chosen namespaces ready, and no others', async () => {
    cluster.podsIn = ['shop', 'kube-system'];
    const other = { ...pod('elsewhere', false), spec: { nodeName: 'box-2' } };
    const leaving = pod('leaving', false);
    const left = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-11-29T00:00:00Z' } };
    const fine = [
      pod('till', true),
      pod('job', false, { phase: 'Succeeded' }),
      left,
      pod('x', false, {}, 'other'),
      other,
    ];
    cluster.api.pods = fine;
    expect(await look()).toMatchObject({
      isHealthy: true,
      detail: expect.stringContaining('pods: 1 are ready in shop'),
    });
    cluster.api.pods = [
      ...fine,
      pod('scale', false),
      pod('dns', false, { phase: 'Pending', conditions: [] }, 'kube-system'),
    ];
    expect(await look()).toEqual(
      failing('^pods: 2 of 3 are not ready: kube-system/dns, shop/scale; passed: unit, api,'),
    );
  });

  describe('with probes of edge.yaml', () => {
    const says = (isHealthy: boolean, detail: string) => ({ probe: async () => ({ isHealthy, detail }) });

    it('asks them in their order, after the box, and ends at the first that fails', async () => {
      cluster.probes = [says(true, 'first'), says(true, 'second')];
      expect(await look()).toMatchObject({
        isHealthy: true,
        detail: expect.stringMatching(/probe: first; probe: second$/),
      });
      cluster.probes = [says(true, 'first'), says(false, 'second'), says(true, 'third')];
      expect(await look()).toEqual(failing('^probe: second; passed: unit, api, kubelet, node, probe$'));
      cluster.kubeletStatus = 500;
      expect(await look()).toEqual(failing('^kubelet: '));
    });

    it('asks nothing else where there is no box, and says what a single one says', async () => {
      cluster.reading = { kind: 'none' };
      cluster.probes = [says(true, 'as before')];
      expect(await look()).toEqual({ isHealthy: true, detail: 'as before' });
      cluster.probes = [];
      expect(await look()).toEqual(failing('^probe: no K3s or K0s is found here, and edge.yaml has no probe$'));
    });
  });

  describe('at an agent', () => {
    const agent = (server = cluster.server) => {
      cluster.reading = { kind: 'box', box: cluster.boxOf({ role: 'agent' }) };
      cluster.writeAccess('agent/kubelet.kubeconfig', certificates.kubelet(node), server);
    };
    const balancerKnows = (...ServerAddresses: string[]) =>
      cluster.write('agent/etc/k3s-agent-load-balancer.json', JSON.stringify({ ServerAddresses }));

    it('asks with the certificate of its kubelet, which may read what is its own', async () => {
      agent();
      cluster.podsIn = ['shop'];
      expect(await look()).toMatchObject({ isHealthy: true });
    });

    it('is undecided while its load balancer finds no server, also while systemd waits for it', async () => {
      await using balancer = await hangingUp();
      agent(balancer.url);
      balancerKnows('127.0.0.1:1');
      expect(await look()).toEqual(undecided(/^api: \/readyz at 127\.0\.0\.1:\d+: /));
      expect(await cluster.probe().waitsFor(never)).toMatch(/^api: /);
    });

    it('fails where a server can be reached, and its load balancer does not lead there', async () => {
      await using balancer = await hangingUp();
      agent(balancer.url);
      balancerKnows('127.0.0.1:1', `127.0.0.1:${cluster.api.port}`);
      expect(await look()).toEqual(failing(/^api: /));
      expect(await cluster.probe().waitsFor(never)).toBeUndefined();
    });

    it('fails where its own load balancer does not listen', async () => {
      agent('https://127.0.0.1:1');
      expect(await look()).toEqual(failing(/^api: .*ECONNREFUSED/));
    });

    it('is undecided while its server is in trouble', async () => {
      agent();
      cluster.api.isReady = false;
      expect(await look()).toEqual(undecided('^api: /readyz answers 500'));
      cluster.api.hasRoles = false;
      expect(await look()).toEqual(
        undecided('^api: /readyz answers 403: forbidden: User "system:node:box-1" cannot get'),
      );
      [cluster.api.isReady, cluster.api.hasRoles] = [true, true];
      [cluster.api.delayMs, cluster.timeoutSeconds] = [3000, 0.3];
      expect(await look()).toEqual(undecided(/^api: .*timeout/));
    });

    it('fails where its server does not know its certificate', async () => {
      agent();
      cluster.writeAccess('agent/kubelet.kubeconfig', certificates.stranger());
      expect(await look()).toEqual(failing('^api: /readyz answers 401'));
    });

    it('is undecided at a worker of K0s, which asks its controller straight', async () => {
      cluster.reading = { kind: 'box', box: cluster.boxOf({ distribution: 'k0s', role: 'worker' }) };
      cluster.distribution = undefined;
      cluster.writeAccess('kubelet.conf', certificates.kubelet(node));
      expect(await look()).toMatchObject({ isHealthy: true });
      // A name of this machine's own network that leads nowhere but to loopback.
      cluster.writeAccess('kubelet.conf', certificates.kubelet(node), 'https://[::ffff:127.0.0.1]:1');
      expect(await look()).toEqual(undecided(/^api: /));
    });

    it('does not wait at a server: its API is its own', async () => {
      cluster.api.isReady = false;
      expect(await cluster.probe().waitsFor(never)).toBeUndefined();
    });
  });
});

/** A load balancer that has no server: it takes connections and hangs up, as K3s' own does. */
async function hangingUp() {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
