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

/** A version whose name is free: names that were given are given for ever. */
async function freeSnapshot(store: StoreReader): Promise<number> {
  const isTaken = async (version: number) => (await store.stat(metadataKey('snapshot', version))) !== undefined;
  let free = 1;
  while (await isTaken(free)) free *= 2;
  let taken = Math.floor(free / 2);
  while (free - taken > 1) {
    const middle = Math.floor((free + taken) / 2);
    if (await isTaken(middle)) taken = middle;
    else free = middle;
  }
  return free;
}
