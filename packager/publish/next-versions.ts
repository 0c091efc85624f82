/**
 * Chooses the versions of snapshot and timestamp under a new root. A thief of the online key may have raised them to the
 * highest there is (fast-forward attack). Once that key is revoked, devices forget what it signed (TUF 5.3.11), and the
 * versions begin anew.
 */
import { Metadata, MetadataKind, type Root } from '@tufjs/models';
import { metadataKey } from '../../contract/store-keys.ts';
import { versionAfter } from '../../system/signing/online-roles.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import type { RepositoryState } from '../repository/state.ts';

/** Nobody comes so far by signing. */
const maxOwnVersion = 2 ** 40;

/** @throws SlipwayError `version-exhausted` */
export async function nextVersions(
  store: StoreReader,
  { documents, snapshotVersion, timestampVersion }: RepositoryState,
  root: Metadata<Root>,
): Promise<{ readonly snapshot: number; readonly timestamp: number }> {
  const isForgotten = (role: 'snapshot' | 'timestamp') => !isSignedBy(root, role, documents.get(role));
  const isRaised = (role: 'snapshot' | 'timestamp', version: number) => version > maxOwnVersion && isForgotten(role);
  return {
    snapshot: isRaised('snapshot', snapshotVersion)
      ? await freeSnapshot(store)
      : versionAfter('snapshot', snapshotVersion),
    timestamp: isRaised('timestamp', timestampVersion) ? 1 : versionAfter('timestamp', timestampVersion),
  };
}

function isSignedBy(root: Metadata<Root>, role: 'snapshot' | 'timestamp', bytes: Uint8Array | undefined): boolean {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes));
    const kind = role === 'snapshot' ? MetadataKind.Snapshot : MetadataKind.Timestamp;
    root.verifyDelegate(role, Metadata.fromJSON(kind as MetadataKind.Snapshot, json));
    return true;
  } catch {
    return false;
  }
}

/**
 * A version whose name was never given: names are cached for ever, also where prune has removed them. Nobody signs so many
 * snapshots that they come near.
 */
async function freeSnapshot(store: StoreReader): Promise<number> {
  let free = 2 ** 20;
  while (await store.stat(metadataKey('snapshot', free))) free *= 2;
  return free;
}
