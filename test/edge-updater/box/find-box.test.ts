/** Boxes of every kind, and machines that contradict themselves: what is found, and what is refused with which code. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { StatedBox } from '../../../edge-updater/box/box.ts';
import { readBox } from '../../../edge-updater/box/find-box.ts';
import type { K0sStatus } from '../../../edge-updater/box/k0s-status.ts';
import { MemoryMachine, type UnitSetting } from '../../fakes/box-machine.ts';

const payload = 'a'.repeat(64);
let machine: MemoryMachine;
beforeEach(() => {
  machine = new MemoryMachine();
});

async function found(stated: StatedBox = {}, serviceUnit: string | undefined = 'k3s.service') {
  const reading = await readBox(machine, { serviceUnit, stated });
  return reading.kind === 'box' ? reading.box : reading;
}

/** A K3s that runs from where it has unpacked itself. */
function runK3s(setting: Partial<UnitSetting> = {}, { unit = 'k3s.service', dataDir = '/var/lib/rancher/k3s' } = {}) {
  const start = setting.start ?? '/usr/local/bin/k3s server';
  machine.settings.set(unit, { pid: 7, ...setting, start });
  machine.executables.set(7, `${dataDir}/data/${payload}/bin/k3s`);
  machine.versions.set(7, 'k3s version v1.33.9+k3s1 (f2b1c6a5)\ngo version go1.24.13\n');
}

describe('a K3s', () => {
  it('server is told by its unit, its process and its certificate', async () => {
    runK3s();
    machine.links.set('/usr/local/bin/k3s', '/var/lib/slipway/slots/1/bin/k3s');
    machine.nodes.set('/var/lib/rancher/k3s/agent/client-kubelet.crt', 'box-1');
    expect(await found()).toEqual({
      ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
      ...{ dataDir: '/var/lib/rancher/k3s', version: 'v1.33.9+k3s1', payload, nodeName: 'box-1' },
      datastore: { kind: 'sqlite' },
      configuration: ['/etc/rancher/k3s/config.yaml', '/etc/rancher/k3s/config.yaml.d'],
    });
  });

  it('agent has no datastore', async () => {
    runK3s({ start: '/usr/local/bin/k3s agent --server https://s:6443' }, { unit: 'k3s-agent.service' });
    expect(await found({}, 'k3s-agent.service')).toMatchObject({ role: 'agent', datastore: { kind: 'none' } });
  });

  it('that does not run has no version, and keeps the rest', async () => {
    machine.settings.set('k3s.service', { start: '/usr/local/bin/k3s server' });
    expect(await found()).toMatchObject({ role: 'server', version: undefined, payload: undefined });
  });

  it('whose process may not be looked at has no version either', async () => {
    runK3s();
    machine.executables.clear();
    expect(await found()).toMatchObject({ distribution: 'k3s', version: undefined });
  });

  it('that has not unpacked itself yet is a K3s, also behind a link', async () => {
    runK3s();
    machine.links.set('/usr/local/bin/k3s', '/var/lib/slipway/slots/1/bin/k3s');
    machine.executables.set(7, '/var/lib/slipway/slots/1/bin/k3s');
    expect(await found()).toMatchObject({ version: 'v1.33.9+k3s1', payload: undefined });
  });

  it('under a unit of another name is found by the name of its program', async () => {
    runK3s({}, { unit: 'k3s-shop.service' });
    expect(await found({}, 'k3s-shop.service')).toMatchObject({ unit: 'k3s-shop.service' });
  });

  it('is found beside a service that is something else', async () => {
    runK3s();
    machine.settings.set('shop.service', { start: '/opt/shop/serve', pid: 9 });
    expect(await found({}, 'shop.service')).toMatchObject({ unit: 'k3s.service' });
  });

  it.each<[string, Partial<UnitSetting>, Record<string, string>]>([
    ['an argument', { start: '/usr/local/bin/k3s server --data-dir /data/k3s' }, {}],
    ['an argument in its short form', { start: '/usr/local/bin/k3s server -d=/data/k3s' }, {}],
    ['config.yaml', {}, { '/etc/rancher/k3s/config.yaml': 'data-dir: /data/k3s\n' }],
    [
      'config.yaml.d, whose last file wins',
      {},
      {
        '/etc/rancher/k3s/config.yaml': 'data-dir: /old\n',
        '/etc/rancher/k3s/config.yaml.d/10-a.yaml': 'data-dir: /older\n',
        '/etc/rancher/k3s/config.yaml.d/20-b.yml': 'data-dir: /data/k3s\n',
        '/etc/rancher/k3s/config.yaml.d/30-c.yaml.off': 'data-dir: /never\n',
      },
    ],
    [
      'an argument over config.yaml',
      { start: '/usr/local/bin/k3s server --data-dir=/data/k3s' },
      { '/etc/rancher/k3s/config.yaml': 'data-dir: /old\n' },
    ],
    [
      'the file that K3S_CONFIG_FILE names, whatever --config names',
      { environment: 'K3S_CONFIG_FILE=/etc/a.yaml', start: '/usr/local/bin/k3s server --config /etc/b.yaml' },
      { '/etc/a.yaml': 'data-dir: /data/k3s\n', '/etc/b.yaml': 'data-dir: /old\n' },
    ],
    [
      'K3S_DATA_DIR of its environment file',
      { environmentFiles: ['/etc/systemd/system/k3s.service.env'] },
      { '/etc/systemd/system/k3s.service.env': "# of install.sh\nK3S_DATA_DIR='/data/k3s'\n" },
    ],
  ])('has its data directory from %s', async (_, setting, files) => {
    for (const [file, text] of Object.entries(files)) machine.files.set(file, text);
    runK3s(setting, { dataDir: '/data/k3s' });
    expect(await found()).toMatchObject({ dataDir: '/data/k3s', version: 'v1.33.9+k3s1' });
  });

  it('is clear behind a link to another disk, and with a slash too many', async () => {
    machine.links.set('/var/lib/rancher/k3s', '/mnt/disk/k3s');
    runK3s({}, { dataDir: '/mnt/disk/k3s' });
    expect(await found()).toMatchObject({ dataDir: '/var/lib/rancher/k3s', payload, version: 'v1.33.9+k3s1' });
    runK3s({ start: '/usr/local/bin/k3s server --data-dir /data/k3s/' }, { dataDir: '/data/k3s' });
    expect(await found()).toMatchObject({ dataDir: '/data/k3s', payload });
  });

  it('is not taken for something else while systemd is about to start it', async () => {
    runK3s({ state: 'activating' });
    machine.executables.set(7, '/usr/lib/systemd/systemd-executor');
    expect(await found()).toMatchObject({ distribution: 'k3s', version: undefined });
  });

  it('may run from what is unpacked in the default place, and have its data elsewhere', async () => {
    runK3s({ start: '/usr/local/bin/k3s server --data-dir /data/k3s' });
    expect(await found()).toMatchObject({ dataDir: '/data/k3s', payload });
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['nothing said', '', {}, 'sqlite'],
    ['an etcd on the disk', '', { '/var/lib/rancher/k3s/server/db/etcd/member/snap/db': '' }, 'etcd'],
    ['cluster-init', '--cluster-init', {}, 'etcd'],
    ['a server to join', '--server https://s:6443 --token t', {}, 'etcd'],
    ['a database elsewhere', '--datastore-endpoint mysql://u@h/k3s', {}, 'external'],
    ['SQLite said in so many words', '--datastore-endpoint=sqlite:///a', {}, 'sqlite'],
    [
      'an etcd on the disk, whatever is said',
      '--datastore-endpoint mysql://u@h/k3s',
      { '/var/lib/rancher/k3s/server/db/etcd/name': '' },
      'etcd',
    ],
    ['config.yaml', '', { '/etc/rancher/k3s/config.yaml': 'cluster-init: true\n' }, 'etcd'],
  ])('with %s has the datastore that K3s takes then', async (_, args, files, kind) => {
    for (const [file, text] of Object.entries(files)) machine.files.set(file, text);
    runK3s({ start: `/usr/local/bin/k3s server ${args}`.trim() });
    expect(await found()).toMatchObject({ datastore: { kind } });
  });

  it('of several servers knows how many share its etcd', async () => {
    machine.files.set('/var/lib/rancher/k3s/server/db/etcd/name', 'box-1-1a2b');
    machine.members.set('/var/lib/rancher/k3s/server/db/etcd', 3);
    runK3s();
    expect(await found()).toMatchObject({ datastore: { kind: 'etcd', members: 3 } });
  });

  it.each<[string, string, string | undefined, string | undefined]>([
    ['the certificate, over what is configured', '--node-name box', 'box-1a2b', 'box-1a2b'],
    ['the configuration, before there is a certificate', '--node-name box', undefined, 'box'],
    ['nobody, where K3s makes it up', '--node-name box --with-node-id', undefined, undefined],
    ['nobody, without a kubelet', '--disable-agent', 'old', undefined],
    ['nobody who says it', '', undefined, undefined],
  ])('has its node name from %s', async (_, args, certified, name) => {
    runK3s({ start: `/usr/local/bin/k3s server ${args}`.trim() });
    if (certified) machine.nodes.set('/var/lib/rancher/k3s/agent/client-kubelet.crt', certified);
    expect(await found()).toMatchObject({ nodeName: name });
  });
});

describe('a K0s', () => {
  const status: K0sStatus = {
    ...{ Version: 'v1.33.9+k0s.0', Pid: 7, Role: 'controller', Workloads: true, SingleNode: true },
    ClusterConfig: { spec: { storage: { type: 'kine', kine: { dataSource: 'sqlite:///var/lib/k0s/db/state.db' } } } },
    K0sVars: { DataDir: '/var/lib/k0s', KubeletRootDir: '/var/lib/k0s/kubelet' },
  };
  const program = '/usr/local/bin/k0s';

  function runK0s(args: string, told: K0sStatus | undefined = status, unit = 'k0scontroller.service') {
    machine.settings.set(unit, { start: `${program} ${args}`, pid: 7 });
    machine.executables.set(7, program);
    if (told) machine.statuses.set('/run/k0s/status.sock', told);
  }
  const look = (stated: StatedBox = {}) => found(stated, 'k0scontroller.service');

  it('of one node is told by its own status', async () => {
    runK0s('controller --single=true');
    machine.nodes.set('/var/lib/k0s/kubelet/pki/kubelet-client-current.pem', 'box-1');
    expect(await look()).toEqual({
      ...{ distribution: 'k0s', role: 'controller+worker', unit: 'k0scontroller.service', program },
      ...{ dataDir: '/var/lib/k0s', version: 'v1.33.9+k0s.0', nodeName: 'box-1' },
      datastore: { kind: 'sqlite' },
      configuration: ['/etc/k0s/k0s.yaml'],
    });
  });

  it('that does not run is told by its arguments and k0s.yaml', async () => {
    machine.settings.set('k0scontroller.service', { start: `${program} controller --data-dir=/data/k0s` });
    machine.files.set(
      '/etc/k0s/k0s.yaml',
      'spec:\n  storage:\n    type: kine\n    kine: { dataSource: "mysql://u@h/k" }\n',
    );
    expect(await look()).toMatchObject({
      ...{ role: 'controller', dataDir: '/data/k0s', version: undefined, nodeName: undefined },
      datastore: { kind: 'external' },
    });
  });

  it('controller has an etcd unless it is told otherwise', async () => {
    runK0s('controller', { ...status, Workloads: false, SingleNode: false, ClusterConfig: undefined });
    machine.members.set('/var/lib/k0s/etcd', 1);
    expect(await look()).toMatchObject({ role: 'controller', datastore: { kind: 'etcd', members: 1 } });
  });

  it('may use an etcd of somebody else', async () => {
    runK0s('controller', {
      ...status,
      ClusterConfig: { spec: { storage: { type: 'etcd', etcd: { externalCluster: {} } } } },
    });
    expect(await look({ role: 'controller+worker' })).toMatchObject({ datastore: { kind: 'external' } });
  });

  it('worker has no datastore', async () => {
    const told = { ...status, Role: 'worker', SingleNode: false, ClusterConfig: undefined };
    runK0s('worker --token-file /t', told, 'k0sworker.service');
    expect(await look()).toMatchObject({ role: 'worker', unit: 'k0sworker.service', datastore: { kind: 'none' } });
  });

  it('is asked on the socket that its unit names', async () => {
    runK0s('controller --single --status-socket /tmp/s', undefined);
    machine.statuses.set('/tmp/s', status);
    expect(await look()).toMatchObject({ version: 'v1.33.9+k0s.0' });
  });

  it('that another process answers for is refused', async () => {
    runK0s('controller --single', { ...status, Pid: 99 });
    expect(await look()).toMatchObject({ code: 'box-ambiguous', message: expect.stringContaining('process 99') });
  });

  it('whose status and unit disagree is refused', async () => {
    runK0s('controller --single --data-dir /data/k0s');
    expect(await look()).toMatchObject({ code: 'box-ambiguous', message: expect.stringContaining('dataDir') });
    runK0s('controller');
    expect(await look()).toMatchObject({ code: 'box-ambiguous', message: expect.stringContaining('role') });
  });
});

describe('a machine that is not clear', () => {
  it('without a K3s or K0s is no trouble', async () => {
    machine.settings.set('server.service', { start: '/opt/server', pid: 7 });
    expect(await found({}, 'server.service')).toEqual({ kind: 'none' });
    expect(await found({}, undefined)).toEqual({ kind: 'none' });
  });

  it('with two that run is refused, unless edge.yaml says which', async () => {
    runK3s();
    machine.settings.set('k0sworker.service', { start: '/usr/local/bin/k0s worker', pid: 8 });
    expect(await found()).toMatchObject({
      code: 'box-ambiguous',
      message: expect.stringContaining('k0sworker.service'),
    });
    expect(await found({ unit: 'k3s.service' })).toMatchObject({ distribution: 'k3s' });
  });

  it('with one that is switched off for good has one', async () => {
    runK3s();
    machine.settings.set('k3s-agent.service', { start: '/usr/local/bin/k3s agent', isEnabled: false });
    expect(await found()).toMatchObject({ unit: 'k3s.service' });
  });

  it('whose unit runs something else than K3s is refused', async () => {
    runK3s();
    machine.executables.set(7, '/bin/sleep');
    expect(await found()).toMatchObject({ code: 'box-ambiguous', message: expect.stringContaining('/bin/sleep') });
  });

  it('whose K3s runs on other data than its unit says now is refused', async () => {
    runK3s({ start: '/usr/local/bin/k3s server --data-dir /new' }, { dataDir: '/old' });
    expect(await found()).toMatchObject({ code: 'box-ambiguous', message: expect.stringMatching(/\/new.*\/old/) });
    expect(await found({ dataDir: '/old' })).toMatchObject({ dataDir: '/old' });
  });

  it('that starts K3s through a script needs to be told its role', async () => {
    runK3s({ start: '/opt/start-k3s.sh' }, { dataDir: '/data/k3s' });
    expect(await found()).toMatchObject({
      code: 'box-ambiguous',
      message: expect.stringContaining('neither as server'),
    });
    const stated = { role: 'agent', dataDir: '/data/k3s' } as const;
    expect(await found(stated)).toMatchObject({ distribution: 'k3s', ...stated });
  });

  it('whose config.yaml K3s could not read is refused', async () => {
    runK3s();
    machine.files.set('/etc/rancher/k3s/config.yaml', '- a list\n');
    expect(await found()).toMatchObject({ code: 'box-ambiguous', message: expect.stringContaining('config.yaml') });
  });

  it('that reads its configuration from elsewhere is refused', async () => {
    runK3s({ environment: 'K3S_CONFIG_FILE=https://h/config.yaml' });
    expect(await found()).toMatchObject({ code: 'box-ambiguous' });
  });

  it.each<[string, StatedBox]>([
    ['another distribution', { distribution: 'k0s' }],
    ['another role', { role: 'agent' }],
    ['a unit that is not there', { unit: 'k3s-agent.service' }],
    ['another data directory', { dataDir: '/data' }],
    ['another node', { nodeName: 'box-2' }],
    ['another datastore', { datastore: 'etcd' }],
  ])('that edge.yaml says is %s is refused', async (_, stated) => {
    runK3s();
    machine.nodes.set('/var/lib/rancher/k3s/agent/client-kubelet.crt', 'box-1');
    machine.executables.set(7, `/data/k3s/data/${payload}/bin/k3s`);
    machine.files.set('/etc/rancher/k3s/config.yaml', 'data-dir: /data/k3s\n');
    machine.nodes.set('/data/k3s/agent/client-kubelet.crt', 'box-1');
    expect(await found(stated)).toMatchObject({ kind: 'refused', code: 'box-contradicted' });
  });

  it('without any, of which edge.yaml states one, is refused', async () => {
    expect(await found({ distribution: 'k3s' })).toMatchObject({ code: 'box-contradicted' });
  });
});
