/** What the distributor asks of a store. It only reads: nothing here can change a release. */
export interface StoredObject {
  /** Bytes in all. */
  readonly length: number;
}

/** Both ends inclusive, as in RFC 9110; callers ask only for ranges inside the object. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Whoever opens it closes it, once, whether it was read to the end or not. */
export interface OpenObject {
  /** Bytes that `read` gives in all. */
  readonly length: number;
  /**
   * Puts the next bytes at the start of `into`; one call at a time.
   * @returns how many: at least one, and 0 at the end
   * @throws SlipwayError as `open` does
   */
  read(into: Uint8Array): Promise<number>;
  /** Not while a read is under way: what ends a read that waits is the signal of `open`. */
  close(): void;
}

export interface WholeObject {
  readonly bytes: Uint8Array;
  /** Changes when the bytes change; undefined where the store has no such mark. */
  readonly etag: string | undefined;
}

/**
 * Keys are those of contract/store-keys.ts. A missing object is `undefined`; everything else that goes wrong is a
 * SlipwayError `store-unreachable`, `store-forbidden`, `bucket-missing` or `io-error`.
 */
export interface StoreReader {
  /** For logs and messages; holds no credentials. */
  readonly location: string;
  stat(key: string): Promise<StoredObject | undefined>;
  /**
   * Not for an object of no bytes.
   * @param signal ends the request to the store when nobody waits any more
   */
  open(key: string, range: ByteRange | undefined, signal?: AbortSignal): Promise<OpenObject | undefined>;
  /** @throws SlipwayError `metadata-too-large` when the object is longer than `maxBytes` */
  readWhole(key: string, maxBytes: number): Promise<WholeObject | undefined>;
  /** A URL that lets a client read the object without us, for `validSeconds`; undefined where the store has none. */
  presign(key: string, method: 'GET' | 'HEAD', validSeconds: number): Promise<string | undefined>;
  close(): Promise<void>;
}
