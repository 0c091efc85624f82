/**
 * Counts the room that an adopted box needs beside its data while it is updated, at the worst moment: when it has gone back.
 *
 * Since kine 0.14.15 each start of K3s and of K0s with SQLite runs a full VACUUM. It writes the database once more to a temporary
 * file, which may lie on the same file system, and all of it through the write-ahead log, which stays as long as that once it
 * was. An end that is no clean one leaves the log.
 */

/** What the box itself writes meanwhile. */
const spareBytes = 16 * 1024 * 1024;

interface DatabaseSize {
  readonly databaseBytes: number;
  /** Of its write-ahead log. */
  readonly logBytes: number;
}

/**
 * Going back is the worst: the copy is in place, the newer set lies aside with a full log, and the older release vacuums.
 * @param bytes of the files that belong together, the database and its log among them
 * @param payloadBytes that K3s unpacks beside it
 */
export function roomForData({ bytes, ...size }: DatabaseSize & { readonly bytes: number }, payloadBytes = 0) {
  const aside = bytes + logGrowth(size);
  return aside + roomForStart(size) + payloadBytes + spareBytes;
}

/** An exchange takes nothing; the database that comes back is vacuumed at its start, and after it the one of now, if that is taken back. */
export function roomForUndo(
  { aside, now }: { readonly aside: DatabaseSize; readonly now: DatabaseSize },
  payloadBytes = 0,
) {
  return Math.max(roomForStart(aside), logGrowth(aside) + roomForStart(now)) + payloadBytes + spareBytes;
}

function roomForStart(size: DatabaseSize): number {
  return size.databaseBytes + logGrowth(size);
}

function logGrowth({ databaseBytes, logBytes }: DatabaseSize): number {
  return Math.max(0, databaseBytes - logBytes);
}
