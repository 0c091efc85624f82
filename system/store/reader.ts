/**
 * Declares a store that is read: nothing here can change a release. Keys are those of contract/store-keys.ts, relative
 * to the store's own root.
 */
interface StoredObject {
  /** Bytes in all. */
  readonly length: number;
}

/** Both ends inclusive, as in RFC 9110; callers ask only for ranges inside the object. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** The caller that opens it closes it, once, whether it was read to the end or not. */
export interface OpenObject {
  /** Bytes that `read` gives in all. */
  readonly length: number;
  /**
   * Puts the next bytes at the start of `into`; one call at a time.
   * @returns how many: at least one, and 0 at the end
   * @throws SlipwayError as `open` does, and `blob-missing` for an object that went away meanwhile
   */
  read(into: Uint8Array): Promise<number>;
  /** Not while a read is under way: what ends a read that waits is the signal of `open`. */
  close(): void;
}

export interface WholeObject {
  readonly bytes: Uint8Array;
  /** Opaque, never empty; changes when the bytes change. StoreWriter.compareAndSwap takes it. */
  readonly etag: string;
}

/**
 * A missing object is `undefined`; everything else that goes wrong is a SlipwayError: `store-unreachable` also where no
 * answer comes for a minute, `store-forbidden`, `bucket-missing`, `proxy-refused` or `io-error`.
 */
export interface StoreReader {
  /** For logs and messages; holds no credentials and no address. */
  readonly location: string;
  stat(key: string): Promise<StoredObject | undefined>;
  /** @param signal ends the request to the store when nobody waits any more */
  open(key: string, range: ByteRange | undefined, signal?: AbortSignal): Promise<OpenObject | undefined>;
  /**
   * A small object; holds `maxBytes` in memory at the most, whatever the store sends.
   * @throws SlipwayError `metadata-too-large` when the object is longer
   */
  readWhole(key: string, maxBytes: number): Promise<WholeObject | undefined>;
  /** A URL that lets a client read the object without us, for `validSeconds`; undefined where the store has none. */
  presign(key: string, method: 'GET' | 'HEAD', validSeconds: number): Promise<string | undefined>;
  /** Lets go of connections and files. */
  close(): Promise<void>;
}
