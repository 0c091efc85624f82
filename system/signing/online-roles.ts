/**
 * Makes snapshot and timestamp, which say which documents belong together and which snapshot is the newest. Online keys
 * sign them.
 */
import { type MetaFile, Snapshot, Timestamp } from '@tufjs/models';
import { defaultLifetimes, expiryAt, type Lifetimes } from './lifetimes.ts';
import { describeDocument, type SignedDocument, specVersion } from './signed-document.ts';

/** @param meta version, length and digest by `<role>.json`, for targets and every delegated role (TUF 4.4) */
export function nextSnapshot(
  meta: Readonly<Record<string, MetaFile>>,
  version: number,
  now: Date,
  lifetimes: Lifetimes = defaultLifetimes,
): Snapshot {
  const sorted = Object.fromEntries(Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1)));
  return new Snapshot({ specVersion, version, expires: expiryAt('snapshot', now, lifetimes), meta: sorted });
}

export function nextTimestamp(
  snapshot: SignedDocument<Snapshot>,
  version: number,
  now: Date,
  lifetimes: Lifetimes = defaultLifetimes,
): Timestamp {
  return new Timestamp({
    specVersion,
    version,
    expires: expiryAt('timestamp', now, lifetimes),
    snapshotMeta: describeDocument(snapshot),
  });
}
