/** Tells a K0s box by its arguments, its configuration and, while it runs, its own status. Pure; see find-box.ts. */
import { SlipwayError } from '../../contract/errors.ts';
import type { Box, BoxRole, Datastore, StatedBox } from './box.ts';
import { isSwitchedOn, lastOf, type Options, optionsIn } from './command-options.ts';
import { trimmed } from './folder-name.ts';
import type { K0sStatus, K0sStorage } from './k0s-status.ts';
import { settle } from './settle.ts';
import type { Unit } from './unit.ts';

export const k0sDefaults = {
  ...{ configFile: '/etc/k0s/k0s.yaml', dataDir: '/var/lib/k0s', statusSocket: '/run/k0s/status.sock' },
} as const;

export interface K0sSettings {
  readonly unit: Unit & { readonly program: string };
  readonly options: Options;
  /** Target of /proc/PID/exe, as for K3s. */
  readonly executable: string | undefined;
  /** Undefined where nobody answers. */
  readonly status: K0sStatus | undefined;
  readonly stated: StatedBox;
}

export function k0sOptions(args: readonly string[]): Options {
  return optionsIn(args, { c: 'config' });
}

interface K0sPlace {
  readonly role: BoxRole;
  readonly dataDir: string;
  /** Where its kubelet keeps its files; undefined without one. */
  readonly kubeletDir: string | undefined;
}

/** @throws SlipwayError `box-ambiguous`, `box-contradicted` */
export function placeOfK0s({ unit, options, executable, status, stated }: K0sSettings): K0sPlace {
  if (executable !== undefined && !/\/k0s[^/]*$/.test(executable)) {
    throw new SlipwayError('box-ambiguous', `${unit.name} runs ${executable}, which is no K0s`, {
      hint: `Look at ExecStart of ${unit.name}: it must start K0s itself.`,
    });
  }
  if (status !== undefined && unit.mainPid !== 0 && status.Pid !== unit.mainPid) {
    const [told, expected] = [status.Pid, unit.mainPid];
    throw new SlipwayError('box-ambiguous', `process ${told} answers for K0s, ${unit.name} is process ${expected}`, {
      hint: 'Stop the other K0s, or name its socket with --status-socket in the unit.',
    });
  }
  const role = settle<BoxRole>(
    'role',
    [
      { value: roleOfArguments(unit.args, options), by: unit.name },
      { value: status && roleOfStatus(status), by: 'its status' },
    ],
    stated.role,
  );
  if (role === undefined || role === 'server' || role === 'agent') {
    throw new SlipwayError('box-ambiguous', `${unit.name} starts ${unit.program} neither as controller nor as worker`, {
      hint: 'Say which it is with box.role in edge.yaml.',
    });
  }
  const configured = trimmed(lastOf(options, 'data-dir'));
  const running = status?.K0sVars?.DataDir;
  const said = [
    { value: configured, by: '--data-dir' },
    { value: running, by: 'its status' },
  ];
  if (configured === undefined && stated.dataDir === undefined)
    said.push({ value: k0sDefaults.dataDir, by: 'the default' });
  const dataDir = settle('dataDir', said, trimmed(stated.dataDir)) ?? k0sDefaults.dataDir;
  const kubeletDir = status?.K0sVars?.KubeletRootDir ?? lastOf(options, 'kubelet-root-dir') ?? `${dataDir}/kubelet`;
  return { role, dataDir, kubeletDir: role === 'controller' ? undefined : kubeletDir };
}

function roleOfArguments(args: readonly string[], options: Options): BoxRole | undefined {
  const command = args.find((argument) => argument === 'controller' || argument === 'worker');
  if (command !== 'controller') return command as 'worker' | undefined;
  const works = isSwitchedOn(options, 'single') || isSwitchedOn(options, 'enable-worker');
  return works ? 'controller+worker' : 'controller';
}

function roleOfStatus({ Role, Workloads, SingleNode }: K0sStatus): BoxRole | undefined {
  if (Role === 'worker') return 'worker';
  if (Role !== 'controller') return undefined;
  return Workloads || SingleNode ? 'controller+worker' : 'controller';
}

interface K0sFindings {
  readonly place: K0sPlace;
  /** Of k0s.yaml; undefined where there is none. */
  readonly storage: K0sStorage;
  readonly members: number | undefined;
  readonly certifiedName: string | undefined;
  readonly configFile: string;
}

/** @throws SlipwayError `box-ambiguous`, `box-contradicted` */
export function boxOfK0s(
  settings: K0sSettings,
  { place, storage, members, certifiedName, configFile }: K0sFindings,
): Box {
  const { unit, options, status, stated } = settings;
  const found = datastoreOf(place, status?.ClusterConfig?.spec?.storage ?? storage, options);
  const kind = settle('datastore', [{ value: found, by: "K0s' configuration" }], stated.datastore) ?? found;
  const named = place.kubeletDir === undefined ? undefined : certifiedName;
  return {
    distribution: 'k0s',
    role: place.role,
    unit: unit.name,
    program: unit.program,
    dataDir: place.dataDir,
    version: status?.Version,
    nodeName: settle('nodeName', [{ value: named, by: "the kubelet's certificate" }], stated.nodeName),
    datastore: { kind, members: kind === 'etcd' ? members : undefined },
    configuration: place.role === 'worker' ? [] : [configFile],
  };
}

/** Without a word on it, `--single` means SQLite by kine, and everything else etcd. */
function datastoreOf({ role }: K0sPlace, storage: K0sStorage, options: Options): Datastore['kind'] {
  if (role === 'worker') return 'none';
  const type = storage?.type ?? (isSwitchedOn(options, 'single') ? 'kine' : 'etcd');
  if (type === 'etcd') return storage?.etcd?.externalCluster ? 'external' : 'etcd';
  const source = storage?.kine?.dataSource ?? '';
  return source === '' || source.startsWith('sqlite') ? 'sqlite' : 'external';
}
