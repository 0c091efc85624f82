/** Tells a K3s box by what was read of it. Pure: the facts are gathered in find-box.ts. */
import { SlipwayError } from '../../contract/errors.ts';
import type { Box, BoxRole, Datastore, DatastoreKind, StatedBox } from './box.ts';
import { isSwitchedOn, lastOf, type Options } from './command-options.ts';
import { trimmed } from './folder-name.ts';
import { k3sDefaults } from './k3s-configuration.ts';
import { type Said, settle } from './settle.ts';
import type { Unit } from './unit.ts';

export interface K3sSettings {
  readonly unit: Unit & { readonly program: string };
  /** Of the unit and its environment files. */
  readonly environment: ReadonlyMap<string, string>;
  readonly options: Options;
  /** Target of /proc/PID/exe of the main process; undefined while none runs, or where it may not be read. */
  readonly executable: string | undefined;
  readonly stated: StatedBox;
}

/** Programs that K3s has unpacked: `<data>/data/<payload hash>/bin/k3s`. */
const unpacked = /^(?<dataDir>.*)\/data\/(?<payload>[0-9a-f]{64})\/bin\/k3s$/;

interface K3sPlace {
  readonly role: 'server' | 'agent';
  readonly dataDir: string;
  /** Undefined while K3s does not run, and before it has unpacked itself. */
  readonly payload: string | undefined;
}

/** @throws SlipwayError `box-ambiguous`, `box-contradicted` */
export function placeOfK3s({ unit, environment, options, executable, stated }: K3sSettings): K3sPlace {
  const command = unit.args.find((argument) => argument === 'server' || argument === 'agent');
  const role = settle<BoxRole>('role', [{ value: command, by: unit.name }], stated.role);
  if (role !== 'server' && role !== 'agent') {
    throw new SlipwayError('box-ambiguous', `${unit.name} starts ${unit.program} neither as server nor as agent`, {
      hint: 'Say which it is with box.role in edge.yaml.',
    });
  }
  const running = executable === undefined ? undefined : unpacked.exec(executable)?.groups;
  if (executable !== undefined && running === undefined && executable !== unit.program) {
    throw new SlipwayError('box-ambiguous', `${unit.name} runs ${executable}, which is no K3s`, {
      hint: `Look at ExecStart of ${unit.name}: it must start K3s itself.`,
    });
  }
  const configured: Said<string>[] = [
    { value: trimmed(lastOf(options, 'data-dir')), by: '--data-dir' },
    { value: trimmed(environment.get('K3S_DATA_DIR')), by: 'K3S_DATA_DIR' },
  ];
  const isConfigured = configured.some(({ value }) => value !== undefined);
  // What is unpacked in the default place runs from there, wherever the data is (cmd/k3s/main.go of K3s).
  const ranFrom = running?.dataDir === k3sDefaults.dataDir ? undefined : running?.dataDir;
  const said = [...configured, { value: ranFrom, by: 'the running process' }];
  if (!isConfigured && stated.dataDir === undefined) said.push({ value: k3sDefaults.dataDir, by: 'the default' });
  const dataDir = settle('dataDir', said, trimmed(stated.dataDir)) ?? k3sDefaults.dataDir;
  return { role, dataDir, payload: running?.payload };
}

interface K3sFindings {
  readonly place: K3sPlace;
  /** Whether there is an embedded etcd in its folder, and how many members its own database names. */
  readonly etcd: { readonly isThere: boolean; readonly members: number | undefined };
  /** The name in the certificate of its kubelet. */
  readonly certifiedName: string | undefined;
  readonly version: string | undefined;
  /** File that its settings begin with; more are in a folder beside it. */
  readonly configFile: string;
}

/** @throws SlipwayError `box-ambiguous`, `box-contradicted` */
export function boxOfK3s(settings: K3sSettings, findings: K3sFindings): Box {
  const { unit } = settings;
  const { place, certifiedName, version } = findings;
  return {
    distribution: 'k3s',
    role: place.role,
    unit: unit.name,
    program: unit.program,
    dataDir: place.dataDir,
    version,
    payload: place.payload,
    nodeName: nodeNameOf(settings, place, certifiedName),
    datastore: datastoreOf(settings, findings),
    configuration: [findings.configFile, `${findings.configFile}.d`],
  };
}

/** What is configured may be lengthened by K3s (`--with-node-id`): the certificate has the name that counts. */
function nodeNameOf({ options, environment, stated }: K3sSettings, place: K3sPlace, certified: string | undefined) {
  if (place.role === 'server' && isSwitchedOn(options, 'disable-agent')) return undefined;
  const configured = lastOf(options, 'node-name') ?? environment.get('K3S_NODE_NAME');
  const said = certified ?? (isSwitchedOn(options, 'with-node-id') ? undefined : configured);
  return settle(
    'nodeName',
    [{ value: said, by: certified ? "the kubelet's certificate" : '--node-name' }],
    stated.nodeName,
  );
}

/** The order is K3s' own (pkg/cluster/managed.go): an etcd that is there already comes before every setting. */
function datastoreOf({ options, environment, stated }: K3sSettings, findings: K3sFindings): Datastore {
  const { place, etcd } = findings;
  const found = place.role === 'agent' ? 'none' : etcd.isThere ? 'etcd' : configuredDatastore(options, environment);
  const kind = settle('datastore', [{ value: found, by: 'K3s by its settings and files' }], stated.datastore) ?? found;
  return { kind, members: kind === 'etcd' ? etcd.members : undefined };
}

function configuredDatastore(options: Options, environment: ReadonlyMap<string, string>): DatastoreKind {
  const endpoint = lastOf(options, 'datastore-endpoint') ?? environment.get('K3S_DATASTORE_ENDPOINT') ?? '';
  if (endpoint !== '') return endpoint.startsWith('sqlite') ? 'sqlite' : 'external';
  return isSwitchedOn(options, 'cluster-init') || joinsServer(options, environment) ? 'etcd' : 'sqlite';
}

/** A server that joins another one shares its etcd. */
function joinsServer(options: Options, environment: ReadonlyMap<string, string>): boolean {
  const server = lastOf(options, 'server') ?? environment.get('K3S_URL') ?? '';
  const token = lastOf(options, 'token') ?? environment.get('K3S_TOKEN') ?? '';
  return server !== '' && token !== '';
}
