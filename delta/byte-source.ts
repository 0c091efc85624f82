/**
 * A byte source gives positioned reads of bytes that exist already, such as the old file of a delta. It is synchronous,
 * because decoders ask for millions of short ranges; adapters keep it fast (one `pread` into the caller's buffer).
 */
export interface ByteSource {
  /** Bytes in all. */
  readonly length: number;
  /**
   * Fills `target` wholly from `offset` on.
   * @throws SlipwayError `io-error` when fewer bytes are there; callers check bounds before they ask
   */
  readInto(target: Uint8Array, offset: number): void;
}

/** As `readSync` of `node:fs`: may give less than it was asked for, and nothing at the end of the file. */
type PositionedRead = (descriptor: number, target: Uint8Array, at: number, length: number, position: number) => number;

/** Fills `target` wholly from `offset` on. @returns where the file ends, if that is before; else undefined */
export function readFully(
  read: PositionedRead,
  descriptor: number,
  target: Uint8Array,
  offset: number,
): number | undefined {
  for (let filled = 0; filled < target.length; ) {
    const got = read(descriptor, target, filled, target.length - filled, offset + filled);
    if (got === 0) return offset + filled;
    filled += got;
  }
  return undefined;
}

/** Bytes that are in memory already. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    readInto(target, offset) {
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
}
