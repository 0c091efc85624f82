/**
 * Signs snapshot and timestamp again before they end, and nothing else: for whoever has the online key and no other. The
 * store is verified from a known root first, so that nothing is signed that a device would not take.
 */
import { Metadata, MetadataKind } from '@tufjs/models';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { timestampKey } from '../../contract/store-keys.ts';
import { type MetadataSet, refreshTrust } from '../../contract/trust/trusted-set.ts';
import type { StoreWriter } from '../store/writer.ts';
import { isExpired, isHalfSpent, lifetimesOf } from './lifetimes.ts';
import { nextSnapshot, nextTimestamp, versionAfter } from './online-roles.ts';
import { placeDocument } from './place-document.ts';
import { authorisedKeys, describeDocument, signDocument } from './signed-document.ts';
import type { SigningKey } from './signing-key.ts';

interface OnlineInput {
  readonly store: StoreWriter;
  readonly keys: readonly SigningKey[];
  /** The root that devices pin, or the set of an earlier call: nothing goes back behind it. */
  readonly known: MetadataSet;
  readonly now: Date;
}

export interface OnlineOutcome {
  /** `not-due`: more than half of both lifetimes is left · `lost-race`: another publisher has signed meanwhile. */
  readonly kind: 'signed' | 'not-due' | 'lost-race';
  readonly timestampVersion: number;
  readonly timestampExpires: string;
  readonly documents: MetadataSet;
}

const noKeys = { keyIDs: [], threshold: 1 };

/**
 * @throws SlipwayError `key-not-authorised`, `threshold-not-met`, `signer-failed`, `metadata-…` (`metadata-expired` for
 *   root or targets, which these keys cannot sign), or what the store throws
 */
export async function signOnline({ store, keys, known, now }: OnlineInput): Promise<OnlineOutcome> {
  const there = await store.readWhole(timestampKey, limits.maxTimestampBytes);
  const fetch = async (name: string, maxBytes: number) =>
    name === 'timestamp.json' ? there?.bytes : (await store.readWhole(`metadata/${name}`, maxBytes))?.bytes;
  // Before any expiry: what has ended is what is signed here.
  const { documents, root } = await refreshTrust({ known, fetch, now: new Date(0) });
  const signers = {
    snapshot: authorisedKeys('snapshot', root.roles.snapshot ?? noKeys, keys),
    timestamp: authorisedKeys('timestamp', root.roles.timestamp ?? noKeys, keys),
  };
  const snapshot = Metadata.fromJSON(MetadataKind.Snapshot, json(documents, 'snapshot')).signed;
  const timestamp = Metadata.fromJSON(MetadataKind.Timestamp, json(documents, 'timestamp')).signed;
  const lifetimes = lifetimesOf(root);
  const isDue = {
    snapshot: isHalfSpent('snapshot', snapshot.expires, now, lifetimes),
    timestamp: isHalfSpent('timestamp', timestamp.expires, now, lifetimes),
  };
  const before = { timestampVersion: timestamp.version, timestampExpires: timestamp.expires, documents };
  if (!isDue.snapshot && !isDue.timestamp) return { kind: 'not-due', ...before };
  for (const role of ['root', 'targets']) requireUnexpired(role, json(documents, role).signed.expires, now);
  const placed = isDue.snapshot
    ? await placeDocument(store, {
        ...{ role: 'snapshot', lifetime: 'snapshot', keys: signers.snapshot, now, lifetimes },
        from: versionAfter('snapshot', snapshot.version),
        make: (version) => nextSnapshot(snapshot.meta, version, now, lifetimes),
        delegator: new Metadata(root),
      })
    : undefined;
  const next = nextTimestamp(
    placed ? describeDocument(placed) : timestamp.snapshotMeta,
    versionAfter('timestamp', timestamp.version),
    now,
    lifetimes,
  );
  const { bytes } = signDocument('timestamp', next, signers.timestamp);
  if (!there || (await store.compareAndSwap(timestampKey, there.etag, bytes)) === 'changed') {
    return { kind: 'lost-race', ...before };
  }
  const { version: timestampVersion, expires: timestampExpires } = next;
  return { kind: 'signed', timestampVersion, timestampExpires, documents };
}

function requireUnexpired(role: string, expires: string, now: Date): void {
  if (!isExpired(expires, now)) return;
  throw new SlipwayError('metadata-expired', `${role}.json expired at ${expires}`, {
    hint: 'Its keys have to sign it again: slipway-packager keys renew. Check this clock, too.',
  });
}

function json(documents: MetadataSet, role: string) {
  return JSON.parse(new TextDecoder().decode(documents.get(role)));
}
