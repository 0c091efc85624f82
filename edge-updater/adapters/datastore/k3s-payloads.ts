/**
 * Unpacks payloads of K3s by K3s' own program, in a folder beside the others, and renames what came of it into place.
 * `<data>/slipway/payloads/<payload>.json` says that one was unpacked here and is durable, and which links K3s made for it.
 */
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import type { Digest } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import {
  exists,
  flushFolders,
  linkTargetOf,
  makeDirectory,
  moveInto,
  namesIn,
  onDisk,
  readIfThere,
  remove,
  replaceFileSync,
  replaceLink,
} from '../../../system/files/durable-file-sync.ts';
import type { Payloads } from '../../adoption/payloads.ts';
import { k3sDefaults } from '../../box/k3s-configuration.ts';
import type { ProgramRun } from '../../preflight/facts.ts';
import { objectToFailure } from '../../preflight/program-failure.ts';
import { bytesBelow } from './copy-tree.ts';
import { syncTree } from './sync-tree.ts';
import { type PayloadUse, useOfPayload } from './users-of-payloads.ts';

/** `path` is relative to the data directory. */
const recordSchema = z.object({
  schemaVersion: z.literal(1),
  links: z.array(z.object({ path: z.string(), target: z.string() })),
});
type PayloadRecord = z.infer<typeof recordSchema>;

export interface K3sPayloadSettings {
  readonly dataDir: string;
  /** Path of the K3s in the slot of a release. */
  readonly programOf: (release: Digest) => string;
  readonly run: (
    program: string,
    args: readonly string[],
    signal: AbortSignal,
    environment: Readonly<Record<string, string>>,
  ) => Promise<ProgramRun>;
  /** What is unpacked there runs from there, wherever the data is. */
  readonly defaultDataDir?: string;
  /** Where containerd of K3s keeps its tasks. */
  readonly runDir?: string;
  readonly useOf?: typeof useOfPayload;
}

/** A program of 70 MiB unpacks to about 230. */
const unpackedRatio = 4;
const unpackingName = '.slipway-unpacking';

export class K3sPayloads implements Payloads {
  readonly #settings: Required<K3sPayloadSettings>;

  constructor(settings: K3sPayloadSettings) {
    this.#settings = { defaultDataDir: k3sDefaults.dataDir, runDir: '/run/k3s', useOf: useOfPayload, ...settings };
  }

  async roomFor(payload: string, programBytes: number): Promise<number> {
    if (this.#isDone(payload)) return 0;
    const current = linkTargetOf(this.#at('data/current'));
    const measured = current === undefined ? 0 : Math.ceil(bytesBelow(path.resolve(this.#at('data'), current)) * 1.25);
    return measured === 0 ? programBytes * unpackedRatio : measured;
  }

  async unpack(release: Digest, payload: string, signal: AbortSignal): Promise<void> {
    if (this.#isDone(payload)) return;
    const place = this.#folderOf(payload);
    if (exists(place)) {
      // K3s unpacked it and flushed nothing: only what runs is known to be whole.
      if (this.#use(payload) === 'used') return syncTree(place);
      remove(place);
    }
    const scratch = this.#at('data', unpackingName);
    remove(scratch);
    makeDirectory(scratch);
    try {
      const args = ['kubectl', `--data-dir=${scratch}`, 'version', '--client'];
      // K3s says what kubectl says: what counts is what it has unpacked.
      const run = await this.#settings.run(this.#settings.programOf(release), args, signal, { K3S_DATA_DIR: scratch });
      const made = path.join(scratch, 'data', payload);
      if (!exists(path.join(made, 'bin', 'k3s'))) throw whyNotUnpacked(run, payload);
      syncTree(made);
      const links = linksBelow(scratch, this.#settings.dataDir);
      moveInto(made, place);
      this.#record(payload, { schemaVersion: 1, links });
    } finally {
      remove(scratch);
    }
  }

  async link(payload: string): Promise<void> {
    const record = this.#recordOf(payload);
    if (!record || !exists(this.#folderOf(payload))) return;
    for (const { path: name, target } of record.links) {
      const link = this.#at(name);
      const found = linkTargetOf(link);
      if (found === target || (found === undefined && exists(link))) continue;
      makeDirectory(path.dirname(link), 0o755);
      if (name === 'data/current' && found !== undefined) replaceLink(this.#at('data/previous'), found);
      replaceLink(link, target);
    }
    // One that is right may be so by a process that was killed before it flushed it.
    flushFolders([this.#at('data'), this.#at('data', 'cni')]);
  }

  async settle(): Promise<void> {
    const current = this.#at('data/current');
    const target = linkTargetOf(current);
    if (target === undefined || !exists(path.resolve(this.#at('data'), target))) return;
    if (this.#recordOf(path.basename(target))) return;
    syncTree(onDisk(`follow ${current}`, () => realpathSync(current)));
  }

  async prune(keep: readonly string[]): Promise<void> {
    remove(this.#at('data', unpackingName));
    for (const payload of this.#recorded().filter((each) => !keep.includes(each))) {
      if (this.#use(payload) !== 'unused') continue;
      remove(this.#folderOf(payload));
      remove(this.#recordFile(payload));
    }
  }

  /** Durable here, or run from the default place. */
  #isDone(payload: string): boolean {
    const { dataDir, defaultDataDir } = this.#settings;
    if (dataDir !== defaultDataDir && exists(path.join(defaultDataDir, 'data', payload, 'bin', 'k3s'))) return true;
    return this.#recordOf(payload) !== undefined && exists(path.join(this.#folderOf(payload), 'bin', 'k3s'));
  }

  #use(payload: string): PayloadUse {
    const { dataDir, runDir, useOf } = this.#settings;
    const names = namesIn(this.#at('data/cni'));
    const links = ['data/current', 'data/previous', ...names.map((name) => `data/cni/${name}`)];
    const isLinked = links.some((name) => linkTargetOf(this.#at(name))?.split('/').includes(payload));
    return isLinked ? 'used' : useOf(dataDir, runDir, payload);
  }

  #recorded(): string[] {
    const names = namesIn(this.#at('slipway', 'payloads'));
    return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  }

  #recordOf(payload: string): PayloadRecord | undefined {
    const bytes = readIfThere(this.#recordFile(payload));
    try {
      return bytes && recordSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch {
      return undefined;
    }
  }

  #record(payload: string, record: PayloadRecord): void {
    makeDirectory(this.#at('slipway', 'payloads'));
    replaceFileSync(this.#recordFile(payload), Buffer.from(JSON.stringify(record)));
  }

  #recordFile(payload: string): string {
    return this.#at('slipway', 'payloads', `${payload}.json`);
  }

  #folderOf(payload: string): string {
    return this.#at('data', payload);
  }

  #at(...parts: readonly string[]): string {
    return path.join(this.#settings.dataDir, ...parts);
  }
}

/** What K3s says of a disk is in its words alone. */
function whyNotUnpacked(run: ProgramRun, payload: string): SlipwayError {
  const what = 'unpacking by k3s kubectl';
  const words = run.kind === 'ended' ? run.stderr : '';
  const [, trouble] =
    /(no space left on device|read-only file system|permission denied|cannot allocate memory)/.exec(words) ?? [];
  const code = (
    {
      'no space left on device': 'disk-full',
      'read-only file system': 'disk-read-only',
      'permission denied': 'permission-denied',
      'cannot allocate memory': 'memory-short',
    } as const
  )[trouble ?? ''];
  if (code !== undefined) return new SlipwayError(code, `${what}: ${trouble}`, { hint: 'Look at the data directory.' });
  const objection = objectToFailure(run, what);
  if (objection) return new SlipwayError(objection.code, objection.message, { hint: objection.hint });
  return new SlipwayError('program-broken', `${what} brings no ${payload}, which the release names`, {
    hint: 'Publish the release anew from the program itself.',
  });
}

/** As K3s made them in the folder beside, for the data directory itself. */
function linksBelow(scratch: string, dataDir: string): PayloadRecord['links'] {
  const folders = ['data', 'data/cni'].filter((name) => exists(path.join(scratch, name)));
  return folders.flatMap((folder) =>
    readdirSync(path.join(scratch, folder)).flatMap((name) => {
      const target = linkTargetOf(path.join(scratch, folder, name));
      if (target === undefined) return [];
      return [{ path: `${folder}/${name}`, target: target.replace(`${scratch}/`, `${dataDir}/`) }];
    }),
  );
}
