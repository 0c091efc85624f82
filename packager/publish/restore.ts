/**
 * Finds what a published release lost in the store, and whether it can be made again. A signed manifest and its deltas
 * never change, so what is made again is taken only where its bytes are the same.
 */
import { type ErrorCode, SlipwayError } from '../../contract/errors.ts';
import { type Component, type Delta, encodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { streamDigest } from '../../contract/stream-digest.ts';
import { objectStream } from '../../system/store/object-stream.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import type { ListedRelease } from '../repository/product-role.ts';
import { readManifest } from '../repository/release-manifests.ts';
import { type MadeDelta, uploadOf } from './delta-memory.ts';
import type { Upload } from './upload.ts';

const damage: ReadonlySet<ErrorCode> = new Set([
  'blob-missing',
  'digest-mismatch',
  'length-mismatch',
  'metadata-too-large',
]);

/**
 * The manifest of a listed release, from the store or, where that is damaged, from one of the candidates.
 * @throws what reading it threw, when no candidate has the digest that was signed
 */
export async function readOrRestore(
  store: StoreWriter,
  release: ListedRelease,
  candidates: readonly (() => Promise<ReleaseManifest>)[],
): Promise<ReleaseManifest> {
  try {
    return (await readManifest(store, release)).manifest;
  } catch (error) {
    if (!(error instanceof SlipwayError) || !damage.has(error.code)) throw error;
    for (const candidate of candidates) {
      const manifest = await candidate();
      if (encodeManifest(manifest).sha256 === release.manifestSha256) return manifest;
    }
    throw new SlipwayError(error.code, error.message, {
      hint: 'Restore it: slipway-packager verify STORE --repair BUNDLE',
      cause: error,
    });
  }
}

interface RestorePorts {
  readonly store: StoreWriter;
  /** True for objects that are known to be whole. */
  readonly isSettled: (key: string) => boolean;
  readonly make: (component: Component, bases: readonly ReleaseManifest[]) => Promise<readonly MadeDelta[]>;
  readonly send: (uploads: readonly Upload[]) => Promise<void>;
}

/**
 * Makes deltas of a published release again that the store lost or holds with other bytes.
 * @param releases of its product
 * @returns keys of those that come out otherwise now
 */
export async function restoreDeltas(
  listed: ReleaseManifest,
  releases: readonly ListedRelease[],
  { store, isSettled, make, send }: RestorePorts,
): Promise<string[]> {
  const lost: string[] = [];
  for (const component of listed.components) {
    const damaged: Delta[] = [];
    for (const delta of component.deltas) {
      if (!isSettled(blobKey(delta.sha256)) && !(await isWhole(store, delta))) damaged.push(delta);
    }
    if (damaged.length === 0) continue;
    const made = await make(component, await basesOfDeltas(store, component, damaged, releases));
    const wanted = new Set(damaged.map(({ sha256 }) => sha256));
    const same = made.filter(({ delta }) => wanted.delete(delta.sha256));
    await send(same.map(uploadOf));
    lost.push(...[...wanted].map(blobKey));
  }
  return lost;
}

/** Releases that hold the files that the deltas start from. */
async function basesOfDeltas(
  store: StoreWriter,
  { name }: Component,
  deltas: readonly Delta[],
  releases: readonly ListedRelease[],
): Promise<ReleaseManifest[]> {
  const bases: ReleaseManifest[] = [];
  for (const release of releases) {
    const { manifest } = await readManifest(store, release);
    const old = manifest.components.find((component) => component.name === name)?.sha256;
    if (deltas.some(({ fromSha256 }) => fromSha256 === old)) bases.push(manifest);
  }
  return bases;
}

async function isWhole(store: StoreWriter, { sha256, length }: Delta): Promise<boolean> {
  if ((await store.stat(blobKey(sha256)))?.length !== length) return false;
  return (await streamDigest(await objectStream(store, blobKey(sha256)))) === sha256;
}
