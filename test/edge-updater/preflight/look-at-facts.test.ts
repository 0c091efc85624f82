/** What a preflight finds out of a box with a real HTTPS API server, of processes and of programs that really run. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { linuxPreflight, runBounded } from '../../../edge-updater/adapters/preflight/linux-preflight.ts';
import type { Box } from '../../../edge-updater/box/box.ts';
import { askPrograms, lookAtFacts } from '../../../edge-updater/preflight/look-at-facts.ts';
import type { PreflightMachine } from '../../../edge-updater/preflight/preflight-machine.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { ClusterCertificates } from '../../stand-ins/kubernetes/certificates.ts';
import { never } from '../health/box-with-access.ts';
import { ClusterOfBox } from '../health/cluster-of-box.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'preflight-'));
const machine = linuxPreflight(() => 0);
const now = Date.now();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeUnless(missingCommands('openssl'), 'facts of a box', () => {
  let certificates: ClusterCertificates;
  let cluster: ClusterOfBox;

  beforeAll(async () => {
    certificates = new ClusterCertificates(path.join(folder, 'certificates'));
    cluster = await ClusterOfBox.open(certificates);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('has the APIs that its clients used, out of many MiB of metrics', async () => {
    const line = 'apiserver_requested_deprecated_apis{group="a.io",removed_release="1.34",resource="b",version="v1"} 1';
    const noise = 'apiserver_request_total{code="200"} 1\n'.repeat(300_000);
    cluster.api.texts.set('/metrics', `${noise}${line}\n${noise}`);
    const { requestedApis } = await lookAtFacts(machine, cluster.boxOf(), now, never);
    expect(requestedApis).toEqual([{ name: 'a.io/v1 b', removedIn: '1.34' }]);
  });

  it('does not know them where nobody answers', async () => {
    cluster.api.texts.delete('/metrics');
    expect((await lookAtFacts(machine, cluster.boxOf(), now, never)).requestedApis).toBeUndefined();
    expect((await lookAtFacts(machine, cluster.boxOf({ dataDir: folder }), now, never)).requestedApis).toBeUndefined();
  });

  it('has the version of the server of an agent, by the certificate of its kubelet', async () => {
    cluster.writeAccess('agent/kubelet.kubeconfig', certificates.kubelet('box-1'));
    cluster.api.texts.set('/version', JSON.stringify({ gitVersion: 'v1.34.2+k3s1' }));
    const facts = await lookAtFacts(machine, cluster.boxOf({ role: 'agent' }), now, never);
    expect(facts).toMatchObject({ serverVersion: '1.34.2+k3s1', requestedApis: undefined });
  });

  it('has the times of its certificates', async () => {
    cluster.write('server/tls/server-ca.crt', certificates.serverCa);
    const { certificates: found } = await lookAtFacts(machine, cluster.boxOf(), now, never);
    expect(found.map(({ file }) => path.basename(file))).toEqual(['server-ca.crt']);
    expect((found[0]?.notAfter ?? 0) - (found[0]?.notBefore ?? 0)).toBe(365 * 24 * 3600 * 1000);
  });

  it('has processes and memory of this machine', async () => {
    const { processes, availableBytes } = await lookAtFacts(machine, cluster.boxOf(), now, never);
    expect(processes.length).toBeGreaterThan(0);
    expect(availableBytes).toBeGreaterThan(0);
  });
});

it('has the drop-ins of K0s, and what its autopilot does', async () => {
  const files: Record<string, string> = { '/etc/k0s/containerd.d/a.toml': 'version = 2' };
  const kubeconfig = JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://localhost:6443', 'certificate-authority': '/ca' } }],
    users: [{ name: 'u', user: { 'client-certificate': '/cert', 'client-key': '/key' } }],
  });
  const memory: PreflightMachine = {
    ...machine,
    text: (file) => (file === '/var/lib/k0s/pki/admin.conf' ? kubeconfig : files[file]),
    names: () => ['a.toml', 'README'],
    askApi: async (_, asked) => ({
      ...{ kind: 'answer', status: asked.includes('autopilot') ? 200 : 404 },
      body: '{"status":{"state":"Schedulable"}}',
    }),
    linesOfApi: async () => [],
  };
  const facts = await lookAtFacts(memory, k0s, now, never);
  expect(facts).toMatchObject({
    dropIns: [{ path: '/etc/k0s/containerd.d/a.toml', text: 'version = 2' }],
    autopilot: 'Schedulable',
  });
});

const k0s: Box = {
  ...{ distribution: 'k0s', role: 'controller', unit: 'k0scontroller.service', program: '/usr/local/bin/k0s' },
  ...{ dataDir: '/var/lib/k0s', datastore: { kind: 'etcd' } },
};

function script(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

it('asks K0s of the release, and the installed one, what they say of this box', async () => {
  const next = script('next', '#!/bin/sh\ntest "$1" = version && echo v1.36.1+k0s.0 || echo "$*"\n');
  const installed = script('installed', '#!/bin/sh\necho no such command >&2; exit 1\n');
  const configFile = script('k0s.yaml', '');
  const { version, checks } = await askPrograms(machine, { ...k0s, program: installed }, next, configFile, never);
  expect(version).toMatchObject({ kind: 'ended', status: 0, stdout: 'v1.36.1+k0s.0\n' });
  expect(checks.map(({ command }) => command)).toEqual(['sysinfo', 'config validate']);
  const [sysinfo, validate] = checks;
  const asked = 'sysinfo -o json --data-dir=/var/lib/k0s --controller=true --worker=false\n';
  expect(sysinfo?.next).toMatchObject({ stdout: asked });
  expect(validate?.next).toMatchObject({ stdout: `config validate --config ${configFile}\n` });
  expect(sysinfo?.installed).toMatchObject({ kind: 'ended', status: 1 });
});

it('bounds a program in its time and its output, and keeps its own environment', async () => {
  const hangs = script('hangs', '#!/bin/sh\nexec sleep 60\n');
  expect(await runBounded(hangs, [], never, {}, 0.2)).toEqual({ kind: 'silent', seconds: 0.2 });
  const babbles = script('babbles', '#!/bin/sh\nexec yes\n');
  expect(await runBounded(babbles, [], never)).toMatchObject({ kind: 'ended', status: 1, stdout: '' });
  // As execvp(3) has it, a shell reads what is no program here.
  const other = script('other', '\u007fELF\u0002\u0001\u0001 of another processor');
  expect(await runBounded(other, [], never)).toMatchObject({ kind: 'ended', status: 127 });
  const dies = script('dies', '#!/bin/sh\nkill -SEGV $$\n');
  expect(await runBounded(dies, [], never)).toEqual({ kind: 'killed', signal: 'SIGSEGV' });
  const tells = script('tells', '#!/bin/sh\nexec env\n');
  const told = await runBounded(tells, [], never, { ASKED: '1' });
  expect(told.kind === 'ended' && told.stdout.match(/^\w+(?==)/gm)?.sort()).toEqual(['ASKED', 'HOME', 'PATH', 'PWD']);
});
