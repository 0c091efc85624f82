/**
 * Makes deltas from earlier releases of the channel to a new one, and keeps those that help. The old bytes come from
 * the store and are checked; each delta was proven before it gets here.
 */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import PQueue from 'p-queue';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Component, ReleaseManifest } from '../../contract/release/manifest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { makeSlipwayDelta, openTarget } from '../../delta/make/make-delta.ts';
import type { OpenedArtifact } from '../../delta/make/open/open-artifact.ts';
import type { DeltaEncoder, PartEncoders } from '../../delta/make/ports.ts';
import { makeVcdiff } from '../../delta/make/vcdiff.ts';
import type { ZstdEncoder } from '../../delta/recipe/ports.ts';
import { objectStream } from '../../system/store/object-stream.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import { openBlob } from '../release/build-folder.ts';
import { meter, packFile } from '../release/pack-component.ts';
import { zstdDecoder } from '../release/unpack-blob.ts';
import { chooseDeltas } from './choose-deltas.ts';
import type { DeltaMemory, MadeDelta } from './delta-memory.ts';

/** Both kinds of delta; at least one of them. */
export interface DeltaMakers {
  readonly vcdiff: DeltaEncoder | undefined;
  readonly slipway:
    | {
        readonly encoders: PartEncoders;
        readonly zstd: ZstdEncoder;
      }
    | undefined;
}

export interface DeltaJob {
  readonly store: StoreWriter;
  readonly makers: DeltaMakers;
  /** Build folder of the new release. */
  readonly folder: string;
  /** For files that only this job needs. */
  readonly scratch: string;
  /** What earlier ones came to; undefined where all are to be made anew. */
  readonly memory: DeltaMemory | undefined;
  readonly progress: Progress;
  /** One line for people: a delta that is being made or was made, or why there is none. */
  readonly say: (line: string) => void;
}

/** While one delta is proved in this process, parts of the next are encoded in others. */
const basesAtATime = 2;

/** A base, the new file, and where the delta goes. */
interface Pair {
  readonly component: Component;
  readonly oldFile: string;
  readonly newFile: string;
  readonly target: OpenedArtifact | undefined;
  readonly fromSha256: string;
}

/**
 * Deltas of one component, cheapest first.
 * @param bases earlier manifests of the channel, newest first
 */
export async function makeDeltas(
  job: DeltaJob,
  component: Component,
  bases: readonly ReleaseManifest[],
): Promise<MadeDelta[]> {
  const olds = distinctOlds(component, bases);
  const made: MadeDelta[] = [];
  const smallest = Math.min(...component.blobs.map((blob) => blob.length));
  if (olds.length === 0) return made;
  await using target = new DeltaTarget(job, component);
  const queue = new PQueue({ concurrency: basesAtATime });
  try {
    const work = olds.map(({ version, old }) => async () => {
      made.push(...(await deltasFrom(job, component, { version, old, target, smallest })));
    });
    await queue.addAll(work);
  } finally {
    queue.clear();
    await queue.onIdle();
  }
  return made.sort((a, b) => a.delta.length - b.delta.length).slice(0, limits.maxDeltasPerComponent);
}

interface Base {
  readonly version: string;
  readonly old: Component;
  readonly target: DeltaTarget;
  /** Bytes of a full download. */
  readonly smallest: number;
}

async function deltasFrom(job: DeltaJob, component: Component, base: Base): Promise<readonly MadeDelta[]> {
  const { memory, say } = job;
  const { version, old, smallest } = base;
  const { name } = component;
  const longest = Math.max(component.length, old.length);
  if (longest > limits.maxOpenedBytes) {
    say(`${name}: ${longest} bytes, longer than ${limits.maxOpenedBytes}: no delta from ${version}`);
    return [];
  }
  const sizesOf = (deltas: readonly MadeDelta[]) =>
    deltas.map(({ delta }) => `${delta.length} of ${smallest} bytes as ${delta.format}`);
  const known = await memory?.recall(old.sha256, component.sha256);
  if (known) {
    say(`${name}: delta from ${version} made before, ${sizesOf(known).join(', ') || 'none was worth it'}`);
    return known;
  }
  say(`${name}: making a delta from ${version}`);
  const found = await makeBoth(job, component, base);
  if (!found) return [];
  const { kept, leftOut } = chooseDeltas(found, smallest);
  if (found.length > 0) say(`${name}: delta from ${version}, ${[...sizesOf(kept), ...leftOut].join(', ')}`);
  await memory?.keep(old.sha256, component.sha256, kept);
  return kept;
}

/** The new file, unpacked and opened when the first delta to it is made: what is remembered needs neither. */
class DeltaTarget implements AsyncDisposable {
  readonly #job: DeltaJob;
  readonly #component: Component;
  readonly #file: string;
  #ready: Promise<OpenedArtifact | undefined> | undefined;

  constructor(job: DeltaJob, component: Component) {
    this.#job = job;
    this.#component = component;
    this.#file = path.join(job.scratch, `new-${component.sha256}`);
  }

  async open(): Promise<{ readonly file: string; readonly opened: OpenedArtifact | undefined }> {
    this.#ready ??= this.#open();
    return { file: this.#file, opened: await this.#ready };
  }

  async #open(): Promise<OpenedArtifact | undefined> {
    const { folder, makers, scratch, progress } = this.#job;
    await unpack(openBlob(folder, this.#component.blobs[0]?.sha256 ?? ''), this.#component, this.#file, progress);
    return makers.slipway && openTarget(this.#file, { ...makers.slipway, scratch });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#ready?.catch(() => undefined);
    opened?.[Symbol.dispose]();
    await rm(this.#file, { force: true });
  }
}

/** Old components of the same name, without the one that a device would not need to change. */
function distinctOlds(component: Component, bases: readonly ReleaseManifest[]) {
  const seen = new Set([component.sha256]);
  return bases.flatMap(({ version, components }) => {
    const old = components.find((candidate) => candidate.name === component.name);
    if (!old || seen.has(old.sha256)) return [];
    seen.add(old.sha256);
    return [{ version, old }];
  });
}

/** Undefined when the store has lost the old file. */
async function makeBoth(job: DeltaJob, component: Component, base: Base): Promise<MadeDelta[] | undefined> {
  const { store, scratch, progress, say } = job;
  const { old } = base;
  const oldFile = path.join(scratch, `old-${old.sha256}`);
  try {
    const [blob] = [...old.blobs].sort((a, b) => a.length - b.length);
    if (!blob) return [];
    await unpack(await objectStream(store, blobKey(blob.sha256)), { ...old, blobs: [blob] }, oldFile, progress);
    const { file: newFile, opened: target } = await base.target.open();
    const pair: Pair = { component, oldFile, newFile, target, fromSha256: old.sha256 };
    const slipway = await slipwayDelta(job, pair);
    const isForAll = slipway?.delta.format === 'slipway' && slipway.delta.needs.zstd === undefined;
    const vcdiff = isForAll ? undefined : await vcdiffDelta(job, pair);
    return [slipway, vcdiff].filter((made) => made !== undefined);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'object-missing') throw error;
    say(`${component.name}: the store has lost an old blob, no delta from it`);
    return undefined;
  } finally {
    await rm(oldFile, { force: true });
  }
}

async function slipwayDelta(job: DeltaJob, pair: Pair): Promise<MadeDelta | undefined> {
  const { makers, scratch, progress, say } = job;
  const { component, oldFile, newFile, target, fromSha256 } = pair;
  if (!makers.slipway) return undefined;
  const raw = path.join(scratch, `slipway-${fromSha256}-${component.sha256}`);
  const ports = { ...makers.slipway, vcdiff: makers.vcdiff, scratch, progress, say };
  try {
    const { needs, givenUp } = await makeSlipwayDelta(oldFile, newFile, raw, ports, target);
    for (const line of givenUp) say(`${component.name}: given up: ${line}`);
    const packed = await packFile(raw, `${raw}.zst`);
    return { file: packed.file, delta: { ...packed.blob, fromSha256, format: 'slipway', needs } };
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'delta-not-reproducible') throw error;
    say(`${component.name}: ${error.message}`);
    return undefined;
  }
}

async function vcdiffDelta(job: DeltaJob, pair: Pair): Promise<MadeDelta | undefined> {
  const encoder = job.makers.vcdiff;
  const { component, oldFile, newFile, fromSha256 } = pair;
  if (!encoder) return undefined;
  const raw = path.join(job.scratch, `delta-${fromSha256}-${component.sha256}`);
  const outcome = await makeVcdiff(encoder, oldFile, newFile, raw, component);
  if (outcome.kind === 'skipped') {
    job.say(`${component.name}: ${outcome.detail}`);
    return undefined;
  }
  const packed = await packFile(raw, `${raw}.zst`);
  return { file: packed.file, delta: { ...packed.blob, fromSha256, format: encoder.format } };
}

/** @throws SlipwayError `digest-mismatch` when the bytes are not those of the component */
async function unpack(
  packed: Readable,
  component: Pick<Component, 'name' | 'length' | 'sha256' | 'blobs'>,
  file: string,
  progress: Progress,
): Promise<void> {
  progress.expect(component.length);
  const plain = meter(progress.advance);
  const out = createWriteStream(file);
  if (component.blobs[0]?.encoding === 'zstd') await pipeline(packed, zstdDecoder(), plain.stream, out);
  else await pipeline(packed, plain.stream, out);
  if (plain.digest() === component.sha256) return;
  throw new SlipwayError(
    'digest-mismatch',
    `${component.name}: expected ${component.sha256}, found ${plain.digest()}`,
    {
      hint: 'The stored bytes are damaged; run slipway-packager verify.',
    },
  );
}
