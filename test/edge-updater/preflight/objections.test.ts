import { describe, expect, it } from 'vitest';
import type { ReleaseDistribution } from '../../../contract/release/distribution.ts';
import type { Box } from '../../../edge-updater/box/box.ts';
import type { BoxFacts, ProgramRun } from '../../../edge-updater/preflight/facts.ts';
import { memoryToPrepareBytes } from '../../../edge-updater/preflight/memory.ts';
import { objectTo } from '../../../edge-updater/preflight/object-to.ts';
import { objectionText } from '../../../edge-updater/preflight/objection.ts';
import { objectToProgram } from '../../../edge-updater/preflight/program-checks.ts';
import { requestedApisIn } from '../../../edge-updater/preflight/removed-apis.ts';

const now = Date.parse('2026-12-01T00:00:00Z');
const k3s: Box = {
  ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
  ...{ dataDir: '/var/lib/rancher/k3s', version: 'v1.33.9+k3s1', datastore: { kind: 'sqlite' } },
};
const k0s: Box = {
  ...{ distribution: 'k0s', role: 'controller+worker', unit: 'k0scontroller.service', program: '/usr/local/bin/k0s' },
  ...{ dataDir: '/var/lib/k0s', version: 'v1.35.2+k0s.0', datastore: { kind: 'etcd' } },
};
const well: BoxFacts = {
  ...{ box: k3s, now, serverVersion: undefined, certificates: [], dropIns: [], requestedApis: [], processes: [] },
  ...{ autopilot: undefined, availableBytes: 4 * 1024 ** 3 },
};

function brought(version: string): ReleaseDistribution {
  const name = version.includes('k0s') ? 'k0s' : 'k3s';
  return { name, version, component: name };
}

function objections(version: string, facts: Partial<BoxFacts>, when: 'early' | 'late' = 'late') {
  const found = objectTo(
    { version: '7.0.0', distribution: brought(version), running: undefined },
    { ...well, ...facts },
    when,
  );
  return found.map(({ code, message }) => [code, message]);
}

describe('a step of Kubernetes', () => {
  it.each(['1.33.10+k3s1', '1.34.1+k3s1', '1.33.8+k3s1'])('to %s is one that a server of 1.33 takes', (version) => {
    expect(objections(version, {})).toEqual([]);
  });

  it('over a minor version is none that a server takes', () => {
    const message = '1.35.1+k3s1 is 2 minor versions of Kubernetes above v1.33.9+k3s1, and a server goes one at a time';
    expect(objections('1.35.1+k3s1', {})).toEqual([['skew-refused', message]]);
  });

  it('down a minor version is none either', () => {
    const message =
      '1.32.9+k3s1 is 1 minor versions of Kubernetes below v1.33.9+k3s1, which an API server does not go down';
    expect(objections('1.32.9+k3s1', {})).toEqual([['skew-refused', message]]);
  });

  it('is told by the release that is current where the box does not say what it runs', () => {
    const target = { version: '7.0.0', distribution: brought('1.35.1+k3s1'), running: '1.33.9+k3s1' };
    const unknown = { ...well, box: { ...k3s, version: undefined } };
    expect(objectTo(target, unknown, 'early')).toMatchObject([{ code: 'skew-refused' }]);
    expect(objectTo({ ...target, running: undefined }, unknown, 'early')).toEqual([]);
  });

  it.each([
    ['1.35.1+k3s1', '1.35.0+k3s1', false],
    ['1.35.1+k3s1', '1.34.9+k3s1', true],
    ['1.35.1+k3s1', undefined, false],
    ['1.32.0+k3s1', '1.34.9+k3s1', false],
  ] as const)('of an agent to %s goes by its server %s', (version, serverVersion, isRefused) => {
    const message = `the kubelet of ${version} would be newer than its API server, which is ${serverVersion}`;
    const box = { ...k3s, role: 'agent' } as const;
    expect(objections(version, { box, serverVersion })).toEqual(isRefused ? [['skew-refused', message]] : []);
  });
});

describe('memory', () => {
  it('has to be there for what unpacks, to the byte', () => {
    const needed = memoryToPrepareBytes.k3s;
    expect(needed).toBe(201326592);
    expect(objections('1.33.10+k3s1', { availableBytes: needed })).toEqual([]);
    expect(objections('1.33.10+k3s1', { availableBytes: needed - 1 })).toEqual([
      ['memory-short', 'unpacking k3s needs 201326592 bytes of memory, 201326591 are available'],
    ]);
    expect(objections('1.33.10+k3s1', { availableBytes: undefined })).toEqual([]);
  });

  it('is not asked for before bytes are moved: it may be there later', () => {
    expect(objections('1.33.10+k3s1', { availableBytes: 1 }, 'early')).toEqual([]);
  });
});

describe('drop-ins of containerd', () => {
  const path = '/etc/k0s/containerd.d/runtime.toml';
  const refused = (text: string, version = '1.36.1+k0s.0', box: Box = k0s) =>
    objections(version, { box, dropIns: [{ path, text }] }).map(([, message]) => message);
  const because = (why: string) => [`K0s 1.36.1+k0s.0 does not start with ${path} ${why}`];

  it.each([
    ['version = 2', 'has version 2'],
    ['[plugins.x]', 'has no version'],
    ['version = "3"', 'has version 3'],
    ['version = 3\n[plugins."io.containerd.grpc.v1.cri".registry]', 'configures io.containerd.grpc.v1.cri'],
    ['version = 3\n[plugins]\n"io.containerd.grpc.v1.cri" = {}', 'configures io.containerd.grpc.v1.cri'],
    ['version =', 'is no TOML'],
  ])('%j is refused', (text, why) => {
    expect(refused(text)).toEqual(because(why));
  });

  it('of containerd 2 are taken, also with the old name in a comment', () => {
    expect(refused('# was io.containerd.grpc.v1.cri\nversion = 3\n[plugins."io.containerd.cri.v1.runtime"]')).toEqual(
      [],
    );
  });

  it('are not looked at before 1.36.1, by K3s, or where no containerd is', () => {
    expect(refused('version = 2', '1.36.0+k0s.0')).toEqual([]);
    expect(refused('version = 2', '1.33.10+k3s1', k3s)).toEqual([]);
    expect(refused('version = 2', '1.36.1+k0s.0', { ...k0s, role: 'controller' })).toEqual([]);
  });
});

describe('APIs that clients use', () => {
  /** As a real API server wrote it. */
  const line = (removed: string, value = '1') =>
    `apiserver_requested_deprecated_apis{group="flowcontrol.apiserver.k8s.io",removed_release="${removed}",resource="flowschemas",subresource="",version="v1beta3"} ${value}`;

  it('are refused where the target is without them', () => {
    const requestedApis = requestedApisIn(['# HELP x', line('1.34'), line('1.36'), line('1.33'), line('1.34', '0')]);
    const name = 'flowcontrol.apiserver.k8s.io/v1beta3 flowschemas (until 1.34)';
    expect(objections('1.34.1+k3s1', { requestedApis })).toEqual([
      ['api-removed', `clients of this cluster ask for what 1.34.1+k3s1 is without: ${name}`],
    ]);
    expect(objections('1.33.10+k3s1', { requestedApis })).toEqual([]);
  });

  it('of the core group and without an end are read', () => {
    const core =
      'apiserver_requested_deprecated_apis{group="",removed_release="1.40",resource="pods",subresource="",version="v1"} 2';
    expect(requestedApisIn([core])).toEqual([{ name: 'v1 pods', removedIn: '1.40' }]);
    expect(requestedApisIn([line('')])).toEqual([]);
  });

  it('that were not counted are no reason', () => {
    expect(objections('1.34.1+k3s1', { requestedApis: undefined })).toEqual([]);
  });
});

describe('the clock', () => {
  const file = '/var/lib/rancher/k3s/server/tls/server-ca.crt';
  const certificates = [{ file, notBefore: now, notAfter: now + 1000 }];

  it.each([
    [now - 1, `the clock says 2026-11-30T23:59:59.999Z, but ${file} is valid from 2026-12-01T00:00:00.000Z on`],
    [now, undefined],
    [now + 1000, undefined],
    [now + 1001, `the clock says 2026-12-01T00:00:01.001Z, but ${file} ended at 2026-12-01T00:00:01.000Z`],
  ])('at %d is held against the certificates', (at, message) => {
    expect(objections('1.33.10+k3s1', { now: at, certificates })).toEqual(message ? [['clock-wrong', message]] : []);
  });
});

describe('another updater', () => {
  it.each([
    [['/bin/sh', '-xe', '/bin/upgrade.sh', 'upgrade'], 'the job of system-upgrade-controller'],
    [['curl', '-o', '/tmp/k3s-install.Zx81/k3s.bin', '-sfL', 'https://github.com'], 'the installer of K3s'],
    [['curl', '-sfL', 'https://get.k3s.io'], 'the installer of K3s'],
    [['curl', '-sSf', 'https://get.k0s.sh'], 'the installer of K0s'],
    [['sh', '/usr/local/bin/k3s-killall.sh'], 'k3s-killall.sh'],
    [['/usr/local/bin/k0s', '--debug', 'install', 'controller'], 'k0s install'],
  ])('%j is one', (words, who) => {
    expect(objections('1.33.10+k3s1', { processes: [['init'], words] })).toEqual([
      ['other-updater', `${who} is at work on this box`],
    ]);
  });

  it.each([
    [['/usr/local/bin/k3s', 'server']],
    [['/usr/local/bin/k0s', 'controller', '--single']],
    [['vi', '/srv/notes', 'about', 'upgrade.sh']],
    [['/usr/local/bin/k0s', 'status']],
  ])('%j is none', (words) => {
    expect(objections('1.33.10+k3s1', { processes: [words] })).toEqual([]);
  });

  it('is the autopilot of K0s while its plan is open', () => {
    const autopilot = 'SchedulableWait';
    const message = 'the autopilot of K0s (SchedulableWait) is at work on this box';
    expect(objections('1.36.0+k0s.0', { box: k0s, autopilot })).toEqual([['other-updater', message]]);
    expect(objections('1.36.0+k0s.0', { box: k0s, autopilot: 'Completed' })).toEqual([]);
  });
});

describe('the new program', () => {
  const said = (stdout: string, status = 0, stderr = ''): ProgramRun => ({ kind: 'ended', status, stdout, stderr });
  const about = (version: ProgramRun) =>
    objectToProgram(brought('1.34.1+k3s1'), { version, checks: [] }).map(({ code, message }) => [code, message]);

  it('says the version of the release', () => {
    expect(about(said('k3s version v1.34.1+k3s1 (0123abcd)\ngo version go1.24'))).toEqual([]);
    expect(objectToProgram(brought('1.35.2+k0s.0'), { version: said('v1.35.2+k0s.0\n'), checks: [] })).toEqual([]);
  });

  it.each([
    [
      said('k3s version v1.33.9+k3s1 (0)'),
      'program-broken',
      'the program of the release says it is 1.33.9+k3s1, expected k3s 1.34.1+k3s1',
    ],
    [said('hello'), 'program-broken', 'the program of the release says no version, expected k3s 1.34.1+k3s1'],
    [said('', 7, 'no\nway'), 'program-broken', 'k3s --version ends with status 7: way'],
    [{ kind: 'killed', signal: 'SIGSEGV' }, 'program-broken', 'k3s --version ended by SIGSEGV'],
    [{ kind: 'killed', signal: 'SIGKILL' }, 'memory-short', 'k3s --version was killed (SIGKILL)'],
    [{ kind: 'silent', seconds: 60 }, 'io-error', 'k3s --version did not end within 60 s'],
    [
      { kind: 'not started', errno: 'ENOEXEC', message: 'spawn ENOEXEC' },
      'program-broken',
      'k3s --version cannot be started: spawn ENOEXEC',
    ],
    [
      { kind: 'not started', errno: 'EACCES', message: 'spawn EACCES' },
      'not-executable',
      'k3s --version cannot be started: spawn EACCES',
    ],
    [
      { kind: 'not started', errno: 'ENOMEM', message: 'spawn ENOMEM' },
      'memory-short',
      'k3s --version cannot be started: spawn ENOMEM',
    ],
  ] as [ProgramRun, string, string][])('%j is told', (run, code, message) => {
    expect(about(run)).toEqual([[code, message]]);
  });

  describe('of K0s', () => {
    const version = said('v1.36.1+k0s.0');
    const probe = (name: string, Category: string) => ({
      Path: [name],
      DisplayName: name,
      Prop: '',
      Message: 'no',
      Category,
    });
    const refusals = (command: 'sysinfo' | 'config validate', next: ProgramRun, installed: ProgramRun) =>
      objectToProgram(brought('1.36.1+k0s.0'), { version, checks: [{ command, next, installed }] }).map(
        ({ message }) => message,
      );

    it('refuses what the installed one does not', () => {
      const next = said(
        JSON.stringify([probe('cgroups', 'rejected'), probe('modules', 'rejected'), probe('disk', 'warning')]),
        1,
      );
      const installed = said(JSON.stringify([probe('modules', 'rejected')]), 1);
      expect(refusals('sysinfo', next, installed)).toEqual([
        'k0s sysinfo of the release refuses this box: cgroups: no',
      ]);
      expect(refusals('sysinfo', next, next)).toEqual([]);
    });

    it('refuses a configuration that the installed one takes', () => {
      const next = said('', 1, 'Error: spec.network: unknown field\n');
      expect(refusals('config validate', next, said(''))).toEqual([
        'k0s config validate of the release refuses this box: spec.network: unknown field',
      ]);
      expect(refusals('config validate', next, next)).toEqual([]);
    });

    it('that has no such check, or does not end, refuses nothing', () => {
      expect(refusals('sysinfo', said('', 1, 'unknown flag: -o'), said('[]'))).toEqual([]);
      expect(refusals('sysinfo', { kind: 'silent', seconds: 60 }, said('[]'))).toEqual([]);
    });
  });
});

it('tells all objections in one text, the worst with what to do', () => {
  const found = objectTo(
    { version: '7.0.0', distribution: brought('1.35.1+k3s1'), running: undefined },
    { ...well, availableBytes: 5 },
    'late',
  );
  expect(objectionText(found)).toBe(
    '1.35.1+k3s1 is 2 minor versions of Kubernetes above v1.33.9+k3s1, and a server goes one at a time. Roll out a release of Kubernetes 1.34 first. memory-short: unpacking k3s needs 201326592 bytes of memory, 5 are available.',
  );
});
