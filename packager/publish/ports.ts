/** What publishing needs of a store. Keys are those of contract/store-keys.ts, relative to the store's own root. */
import type { Readable } from 'node:stream';
import type { Digest } from '../../contract/digest.ts';

/** A small object, read whole. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Opaque; equal bytes may share one. Passed back to compareAndSwap. */
  readonly etag: string;
}

/** Bytes that can be read again from the start, so that an upload can be tried twice. */
export interface BlobSource {
  /** Bytes in all; an adapter fails with `length-mismatch` when the stream gives more or fewer. */
  readonly length: number;
  open(): Readable;
}

/** What a key holds, beside the object that belongs there. */
export type Holding = 'absent' | 'same' | 'other';

/** An object by its digest, with its bytes at hand. */
export interface KnownObject extends BlobSource {
  readonly sha256: Digest;
}

/**
 * Every method throws SlipwayError: `store-unreachable`, `store-forbidden`, `bucket-missing`, `disk-full`, `io-error`.
 * An object is visible whole or not at all, whatever dies on the way.
 */
export interface Store {
  /** Bytes of an object; undefined where there is none. */
  head(key: string): Promise<{ readonly length: number } | undefined>;
  /** Whether a key holds this object; reads what is there only where nothing cheaper tells. */
  holds(key: string, object: KnownObject): Promise<Holding>;
  /** @throws SlipwayError `metadata-too-large` beyond `maxBytes` */
  get(key: string, maxBytes: number): Promise<StoredObject | undefined>;
  /** @throws SlipwayError `object-missing` */
  read(key: string): Promise<Readable>;
  /** Creates a small object only if the key is free; of several at once, one wins. */
  putNew(key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /** Replaces a small object only if it still has the etag; of several at once with one etag, one wins. */
  compareAndSwap(key: string, etag: string, bytes: Uint8Array): Promise<'swapped' | 'changed'>;
  /** Stores content-addressed bytes of any length in bounded memory; what was there is replaced. */
  putBlob(key: string, source: BlobSource, onBytes?: (count: number) => void): Promise<void>;
  /** Lets go of connections and locks. */
  close(): Promise<void>;
}
