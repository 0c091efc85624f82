/** Counts the room that an adopted box needs beside its data while it is updated. */

/** What the box itself writes meanwhile. */
const spareBytes = 16 * 1024 * 1024;

/**
 * A copy of everything, and twice the database: since kine 0.14.15 each start of K3s and of K0s with SQLite runs a full
 * VACUUM, which writes the database once more and all of it through the write-ahead log. Setting the newer data aside is a
 * rename and takes nothing.
 * @param bytes of the files that belong together, the database among them
 * @param payloadBytes that K3s unpacks beside it
 */
export function roomForData(
  { bytes, databaseBytes }: { readonly bytes: number; readonly databaseBytes: number },
  payloadBytes = 0,
) {
  return bytes + 2 * databaseBytes + payloadBytes + spareBytes;
}

/** An exchange takes nothing; the database that comes back is vacuumed at its start. */
export function roomForUndo({ asideDatabaseBytes }: { readonly asideDatabaseBytes: number }, payloadBytes = 0) {
  return 2 * asideDatabaseBytes + payloadBytes + spareBytes;
}
