/**
 * Deltas from earlier releases of the channel to a new one, kept only where they are smaller than the smallest full
 * blob. The old bytes come from the store and are checked; each delta was proven before it gets here.
 */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Blob, Component, Delta, ReleaseManifest } from '../../contract/release/manifest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import type { DeltaEncoder } from '../delta/ports.ts';
import { makeVcdiff } from '../delta/vcdiff.ts';
import { openBlob } from '../release/build-folder.ts';
import { meter, packFile } from '../release/pack-component.ts';
import { zstdDecoder } from '../release/unpack-blob.ts';
import type { Store } from './ports.ts';

export interface MadeDelta {
  readonly delta: Delta;
  /** Where its bytes are, as they go into the store. */
  readonly file: string;
}

export interface DeltaJob {
  readonly store: Store;
  readonly encoder: DeltaEncoder;
  /** Build folder of the new release. */
  readonly folder: string;
  /** For files that only this job needs. */
  readonly scratch: string;
  /** One line for people: a delta that was made, or why there is none. */
  readonly say: (line: string) => void;
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
  if (component.length > job.encoder.maxInputBytes) {
    job.say(`${component.name}: too large for ${job.encoder.format}, shipped whole`);
    return made;
  }
  const newFile = path.join(job.scratch, `new-${component.sha256}`);
  await unpack(openBlob(job.folder, component.blobs[0]?.sha256 ?? ''), component, newFile);
  for (const { version, old } of olds.slice(0, limits.maxDeltasPerComponent)) {
    const delta = await makeDelta(job, component, old, newFile);
    if (!delta) continue;
    const kept = delta.delta.length < smallest;
    if (kept) made.push(delta);
    const verdict = kept ? '' : ', not smaller, left out';
    job.say(`${component.name}: delta from ${version}, ${delta.delta.length} of ${smallest} bytes${verdict}`);
  }
  await rm(newFile, { force: true });
  return made.sort((a, b) => a.delta.length - b.delta.length);
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

async function makeDelta(
  { store, encoder, scratch, say }: DeltaJob,
  component: Component,
  old: Component,
  newFile: string,
): Promise<MadeDelta | undefined> {
  if (old.length > encoder.maxInputBytes) return undefined;
  const oldFile = path.join(scratch, `old-${old.sha256}`);
  const raw = path.join(scratch, `delta-${old.sha256}-${component.sha256}`);
  try {
    const [blob] = [...old.blobs].sort((a, b) => a.length - b.length);
    if (!blob) return undefined;
    await unpack(await store.read(blobKey(blob.sha256)), { ...old, blobs: [blob] }, oldFile);
    const outcome = await makeVcdiff(encoder, oldFile, newFile, raw, component);
    if (outcome.kind === 'skipped') {
      say(`${component.name}: ${outcome.detail}`);
      return undefined;
    }
    const packed = await packFile(raw, `${raw}.zst`);
    return { file: packed.file, delta: { ...packed.blob, fromSha256: old.sha256, format: encoder.format } };
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'object-missing') throw error;
    say(`${component.name}: the store has lost an old blob, no delta from it`);
    return undefined;
  } finally {
    await rm(oldFile, { force: true });
  }
}

/** @throws SlipwayError `digest-mismatch` when the bytes are not those of the component */
async function unpack(
  packed: Readable,
  component: { readonly name: string; readonly sha256: string; readonly blobs: readonly Blob[] },
  file: string,
): Promise<void> {
  const plain = meter();
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
