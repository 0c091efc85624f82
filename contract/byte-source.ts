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

/** Bytes that are in memory already. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    readInto(target, offset) {
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
}
