/**
 * Finds and removes what no role of the repository names any more: metadata of earlier states, and manifests and blobs of
 * publishes that were given up. Roots stay for ever, and what is younger than an age stays, for devices and publishers
 * that are on their way.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { blobKey, manifestKey, metadataKey } from '../../contract/store-keys.ts';
import type { ListedObject, StoreWriter } from '../../system/store/writer.ts';
import { readManifest } from '../repository/release-manifests.ts';
import { loadRepository, type RepositoryState } from '../repository/state.ts';
import { expectedBlobs } from '../verify/check-blob.ts';

interface PruneInput {
  readonly store: StoreWriter;
  readonly pinnedRoot: Uint8Array | undefined;
  readonly now: Date;
  /** What was written later stays. */
  readonly olderThanDays: number;
}

const dayMs = 24 * 3600 * 1000;

/**
 * @returns what nothing names, metadata first; nothing is removed
 * @throws SlipwayError what loading the repository and any of its manifests throws: a damaged store is not pruned
 */
export async function findUnnamed(input: PruneInput): Promise<ListedObject[]> {
  const { store, pinnedRoot, now, olderThanDays } = input;
  const state = await loadRepository(store, pinnedRoot);
  const named = await namedObjects(store, state);
  const youngest = now.getTime() - olderThanDays * dayMs;
  const found: ListedObject[] = [];
  for (const [prefix, isGone] of [
    ['metadata/', (key: string) => isOfEarlierState(key, state)],
    ['targets/', (key: string) => !named.has(key)],
    ['blobs/sha256/', (key: string) => !named.has(key)],
  ] as const) {
    for await (const object of store.list(prefix)) {
      if (object.modified.getTime() < youngest && isGone(object.key)) found.push(object);
    }
  }
  return found;
}

/**
 * Removes them.
 * @throws SlipwayError `blob-missing` where somebody has published one of them meanwhile
 */
export async function removeUnnamed(input: PruneInput, unnamed: readonly ListedObject[]): Promise<void> {
  const { store, pinnedRoot } = input;
  for (const { key } of unnamed) await store.remove(key);
  const named = await namedObjects(store, await loadRepository(store, pinnedRoot));
  const lost = unnamed.filter(({ key }) => named.has(key));
  if (lost.length === 0) return;
  throw new SlipwayError(
    'blob-missing',
    `${lost.length} objects were published while they were removed: ${lost[0]?.key}`,
    {
      hint: 'Publish the same build again: it sends what is missing. Do not publish while you prune.',
    },
  );
}

/** Manifests and blobs of all releases. */
async function namedObjects(store: StoreWriter, { releases: byProduct }: RepositoryState): Promise<Set<string>> {
  const named = new Set<string>();
  for (const releases of byProduct.values()) {
    for (const release of releases) {
      named.add(manifestKey(release.manifestSha256));
      const { manifest } = await readManifest(store, release);
      for (const { blob } of expectedBlobs(manifest)) named.add(blobKey(blob.sha256));
    }
  }
  return named;
}

/** A version above that in force is left: it may be on its way, and its name is never given again. */
function isOfEarlierState(key: string, { snapshotVersion, snapshotMeta }: RepositoryState): boolean {
  const [, digits = '', name = ''] = /^metadata\/(\d{1,16})\.([^/]+)\.json$/.exec(key) ?? [];
  const version = Number(digits);
  if (name === 'root' || digits === '' || metadataKey(name, version) !== key) return false;
  const inForce = name === 'snapshot' ? snapshotVersion : snapshotMeta[`${decodeURIComponent(name)}.json`]?.version;
  return inForce !== undefined && version < inForce;
}
