/**
 * Saves the etcd of a cluster through the K3s or K0s that runs here, which has its certificates: `k3s etcd-snapshot save` and
 * `k0s backup`. What a command says is not believed: the file that it made is looked for and opened.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { exists, makeDirectory, namesIn, onDisk, remove, removeAll } from '../../../system/files/durable-file-sync.ts';
import type { Adoption } from '../../adoption/adoption.ts';
import type { ClusterDatastore, SavedDatastore } from '../../adoption/cluster-datastore.ts';
import type { ProgramRun } from '../../preflight/facts.ts';
import { lastLineOfOutput } from '../../update/last-words.ts';
import { freeBytesOf } from '../disk/disk-space.ts';
import { membersOfFile } from '../disk/etcd-file.ts';
import { ifReadable } from '../disk/if-readable.ts';
import { bytesBelow } from './copy-tree.ts';
import { findLastSave, rememberSave, thisMoment } from './last-save.ts';
import { OwnFolder } from './own-folder.ts';

type Run = (
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  environment: Readonly<Record<string, string>>,
  seconds: number,
) => Promise<ProgramRun>;

/** Of those that were saved for updates; others are not ours to count. */
const kept = 3;
const seconds = 600;
/** K3s appends the node and the time. */
const baseName = 'slipway';

/**
 * An update asks each time that it has read its slot: when the slot is made, in each window that opens, and after a
 * restart or a kill before the switch. What it saved is used again while it is no older than a command may take at
 * most: a save that takes its whole time is as old when it ends. What is older lacks what the cluster has stored since,
 * and is made anew.
 */
export function etcdSaver(adoption: Adoption, run: Run, moment = thisMoment): ClusterDatastore {
  const make = adoption.distribution === 'k3s' ? saveByK3s : saveByK0s;
  const own = new OwnFolder(adoption.dataDir);
  return {
    async save(attempt, signal) {
      const begun = moment();
      const last = ifReadable(() => wholeAgain(findLastSave(own, attempt, begun, seconds)));
      if (last) return last;
      const saved = await make(adoption, run, signal);
      rememberSave(own, attempt, begun, saved);
      return saved;
    },
  };
}

/** Undefined, or a failure, where the file is not as it was made. */
function wholeAgain(last: SavedDatastore | undefined): SavedDatastore | undefined {
  return last && requireWhole(last.file, 'an earlier save').bytes === last.bytes ? last : undefined;
}

/**
 * The command asks the server that runs, which writes the file: where that is, `ls` tells. It reads the same settings as the
 * server does.
 */
async function saveByK3s({ program, dataDir, configuration = [] }: Adoption, run: Run, signal: AbortSignal) {
  const [configFile] = configuration;
  const environment = configFile === undefined ? {} : { K3S_CONFIG_FILE: configFile };
  const ask = async (verb: string, ...more: readonly string[]) => {
    const args = ['etcd-snapshot', verb, `--data-dir=${dataDir}`, ...otherPort(dataDir), ...more];
    return run(program, args, signal, environment, seconds);
  };
  const before = new Set(await savedByK3s(ask, dataDir));
  requireDone(await ask('save', `--name=${baseName}`), 'k3s etcd-snapshot save');
  const made = (await savedByK3s(ask, dataDir)).filter((file) => !before.has(file) && exists(file));
  const saved = wholeOf(made, 'k3s etcd-snapshot save');
  // A snapshot too many does no harm: the next update tries again.
  await ask('prune', `--name=${baseName}`, `--etcd-snapshot-retention=${kept}`);
  return saved;
}

/** Absolute paths of those of this name. */
async function savedByK3s(ask: (verb: string) => Promise<ProgramRun>, dataDir: string): Promise<string[]> {
  const listed = await ask('ls');
  const told = listed.kind === 'ended' ? listed.stdout.matchAll(/\bfile:\/\/(\/\S+)/g) : [];
  const usual = path.join(dataDir, 'server/db/snapshots');
  const files = [...[...told].map(([, file]) => file ?? ''), ...namesIn(usual).map((name) => path.join(usual, name))];
  return [...new Set(files)].filter(
    (file) => path.basename(file).startsWith(`${baseName}-`) && !file.endsWith('.part'),
  );
}

/** Told only where it is another than the usual one. */
function otherPort(dataDir: string): string[] {
  const file = path.join(dataDir, 'server/cred/admin.kubeconfig');
  const text = exists(file) ? onDisk(`read ${file}`, () => readFileSync(file, 'utf8')) : '';
  const [, server, port] = /server: *(https:\/\/\S+:(\d+))/.exec(text) ?? [];
  return server === undefined || port === '6443' ? [] : [`--etcd-server=${server}`];
}

/**
 * It puts etcd, certificates, manifests and all images into one archive, made in $TMPDIR and copied from there: both lie beside the data,
 * and the room for two is counted before.
 */
async function saveByK0s({ program, dataDir, configuration = [] }: Adoption, run: Run, signal: AbortSignal) {
  const folder = path.join(dataDir, 'slipway', 'cluster');
  const scratch = path.join(folder, 'scratch');
  remove(scratch);
  makeDirectory(scratch);
  try {
    const parts = ['etcd', 'pki', 'manifests', 'images', 'helmhome'];
    requireRoom(folder, 2 * parts.reduce((sum, part) => sum + bytesBelow(path.join(dataDir, part)), 0));
    const before = new Set(archivesIn(folder));
    const [configFile] = configuration;
    const settings = configFile !== undefined && exists(configFile) ? [`--config=${configFile}`] : [];
    const args = ['backup', `--save-path=${folder}`, `--data-dir=${dataDir}`, ...settings];
    requireDone(await run(program, args, signal, { TMPDIR: scratch }, seconds), 'k0s backup');
    const archives = archivesIn(folder);
    const saved = wholeOf(
      archives.filter((file) => !before.has(file)),
      'k0s backup',
    );
    removeAll(archives.filter((file) => file !== saved.file).slice(0, -(kept - 1)));
    return saved;
  } finally {
    remove(scratch);
  }
}

/** The oldest first: their names have the time. */
function archivesIn(folder: string): string[] {
  const names = onDisk(`list ${folder}`, () => readdirSync(folder));
  return names
    .filter((name) => name.endsWith('.tar.gz'))
    .sort()
    .map((name) => path.join(folder, name));
}

/** @throws SlipwayError `disk-full` */
function requireRoom(folder: string, needed: number): void {
  const free = freeBytesOf(folder, `look at the free space of ${folder}`);
  if (free >= needed) return;
  const message = `saving the datastore by k0s backup needs ${needed} bytes, ${free} are free`;
  throw new SlipwayError('disk-full', message, { hint: 'Free space where the data directory lies.' });
}

/** @throws SlipwayError `datastore-not-saved` */
function requireDone(run: ProgramRun, command: string): void {
  if (run.kind === 'ended' && run.status === 0) return;
  throw notSaved(`${command}: ${endOf(run)}`);
}

function endOf(run: ProgramRun): string {
  switch (run.kind) {
    case 'ended':
      return `status ${run.status}: ${lastLineOfOutput(run)}`;
    case 'killed':
      return `killed (${run.signal})`;
    case 'silent':
      return `no end within ${run.seconds} s`;
    case 'not started':
      return run.message;
    default:
      throw run satisfies never;
  }
}

/** The newest. @throws SlipwayError `datastore-not-saved` where there is none or it is not whole */
function wholeOf(files: readonly string[], command: string): SavedDatastore {
  const file = [...files].sort().at(-1);
  if (file === undefined) throw notSaved(`${command} ended well and made no file`);
  return requireWhole(file, command);
}

/** @throws SlipwayError `datastore-not-saved` where it has no bytes, or is no etcd; what reading throws */
function requireWhole(file: string, command: string): SavedDatastore {
  const bytes = onDisk(`look at ${file}`, () => statSync(file)).size;
  if (bytes === 0) throw notSaved(`${command} made ${file}, which is empty`);
  // What was compressed is taken as it is.
  if (/\.(zip|gz)$/.test(file)) return { file, bytes };
  if (membersOfFile(file) === undefined) throw notSaved(`${command} made ${file}, which is no whole etcd`);
  return { file, bytes };
}

function notSaved(message: string): SlipwayError {
  return new SlipwayError('datastore-not-saved', message, {
    hint: 'Save the datastore by hand, or write preflight: {ignore: [datastore-not-saved]} in edge.yaml.',
  });
}
