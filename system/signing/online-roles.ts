/**
 * Makes snapshot and timestamp, which say which documents belong together and which snapshot is the newest. Online keys
 * sign them.
 */
import { type MetaFile, Snapshot, Timestamp } from '@tufjs/models';
import { SlipwayError } from '../../contract/errors.ts';
import { defaultLifetimes, expiryAt, type Lifetimes } from './lifetimes.ts';
import { specVersion } from './signed-document.ts';

/**
 * The version of the next document.
 * @throws SlipwayError `version-exhausted` where a thief of the online key has raised it to the end (fast-forward attack)
 */
export function versionAfter(role: 'snapshot' | 'timestamp', version: number): number {
  // Devices read no higher one; see structure.ts.
  if (version < Number.MAX_SAFE_INTEGER) return version + 1;
  throw new SlipwayError('version-exhausted', `${role}.json has version ${version}, and devices take none after it`, {
    hint: 'The online key was stolen. Put another in its place: slipway-packager keys rotate online. Devices begin anew then.',
  });
}

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

/** @param snapshotMeta version, length and digest of the snapshot */
export function nextTimestamp(
  snapshotMeta: MetaFile,
  version: number,
  now: Date,
  lifetimes: Lifetimes = defaultLifetimes,
): Timestamp {
  return new Timestamp({
    specVersion,
    version,
    expires: expiryAt('timestamp', now, lifetimes),
    snapshotMeta,
  });
}
