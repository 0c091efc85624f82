/** Texts of systemd and K3s become units, environments and options; each text is as the program writes it. */
import { expect, it } from 'vitest';
import { parseEnvironmentFile } from '../../../edge-updater/box/environment-file.ts';
import { k3sOptions } from '../../../edge-updater/box/k3s-configuration.ts';
import { parseUnits } from '../../../edge-updater/box/unit.ts';
import { wordsOf } from '../../../edge-updater/box/words.ts';

const shown = `MainPID=812
ExecStart={ path=/usr/local/bin/k3s ; argv[]=/usr/local/bin/k3s server --data-dir /data/k3s ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Environment=K3S_TOKEN=t "A=b c" $'B=it\\'s'
EnvironmentFiles=/etc/default/k3s (ignore_errors=yes)
EnvironmentFiles=/etc/systemd/system/k3s.service.env (ignore_errors=yes)
Id=k3s.service
LoadState=loaded
ActiveState=activating
FragmentPath=/etc/systemd/system/k3s.service
DropInPaths=/etc/systemd/system/k3s.service.d/10-a.conf /etc/systemd/system/k3s.service.d/20-b.conf
UnitFileState=enabled

MainPID=0
Id=k3s-agent.service
LoadState=not-found
ActiveState=inactive
FragmentPath=
UnitFileState=
`;

it('units are told apart, and a unit that is not there is no unit', () => {
  const [server, agent] = parseUnits(shown);
  expect(server).toEqual({
    ...{ name: 'k3s.service', isLoaded: true, isActive: true, isEnabled: true, mainPid: 812 },
    ...{ program: '/usr/local/bin/k3s', args: ['server', '--data-dir', '/data/k3s'] },
    environment: new Map([
      ['K3S_TOKEN', 't'],
      ['A', 'b c'],
      ['B', "it's"],
    ]),
    environmentFiles: ['/etc/default/k3s', '/etc/systemd/system/k3s.service.env'],
    files: [
      '/etc/systemd/system/k3s.service',
      '/etc/systemd/system/k3s.service.d/10-a.conf',
      '/etc/systemd/system/k3s.service.d/20-b.conf',
    ],
  });
  expect(agent).toMatchObject({ isLoaded: false, isActive: false, isEnabled: false, program: undefined, mainPid: 0 });
  expect(parseUnits('')).toEqual([]);
});

it.each([
  ['a b', ['a', 'b']],
  ['  a\t"b c" ', ['a', 'b c']],
  [`'a"b' "c'd"`, ['a"b', "c'd"]],
  ["$'a\\nb'", ['a\nb']],
  ['a\\ b', ['a b']],
  ['""', ['']],
  ['', []],
])('%s is words', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

it('an environment file has comments, quotes and values with blanks', () => {
  const text = `# a\n; b\n\nA=1\nB='2 3'\nC="4"\nD=5 6\n export E=7\nF=8\\\n9\nG=\n`;
  expect(parseEnvironmentFile(text)).toEqual(
    new Map([
      ['A', '1'],
      ['B', '2 3'],
      ['C', '4'],
      ['D', '5 6'],
      ['F', '89'],
      ['G', ''],
    ]),
  );
});

it('keys of later files replace those of earlier ones, and append with a plus', () => {
  const files = [
    { path: 'config.yaml', text: 'node-label: [a=1]\ntls-san: one\nwrite-kubeconfig-mode: "0644"\n' },
    { path: '10.yaml', text: 'node-label+: [b=2]\ntls-san+: two\n' },
    { path: '20.yaml', text: 'node-label: [c=3]\ncluster-init: true\n' },
    { path: '30.yaml', text: '' },
  ];
  const options = k3sOptions(files, ['server', '--node-label', 'd=4', '-d', '/data']);
  expect(Object.fromEntries(options)).toEqual({
    'node-label': ['c=3', 'd=4'],
    'tls-san': ['one', 'two'],
    'write-kubeconfig-mode': ['0644'],
    'cluster-init': ['true'],
    'data-dir': ['/data'],
  });
});
