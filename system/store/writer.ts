/** Declares a store that is read and written, which publishing needs. */
import type { Readable } from 'node:stream';
import type { Digest } from '../../contract/digest.ts';
import { limits } from '../../contract/limits.ts';
import type { StoreReader } from './reader.ts';

/** The longest object that is swapped: what else stands under its key is not taken into memory. */
export const maxSwappedBytes = limits.maxTargetsBytes;

/** Bytes that can be read again from the start, so that an upload can be tried twice. */
export interface RepeatableBytes {
  /** Bytes in all; an adapter fails with `length-mismatch` when the stream gives more or fewer. */
  readonly length: number;
  open(): Readable;
}

/** What a key holds, beside the object that belongs there. */
export type Holding = 'absent' | 'same' | 'other';

/** An object as a listing has it. */
export interface ListedObject {
  readonly key: string;
  readonly length: number;
  /** When it was written, by the clock of the store. */
  readonly modified: Date;
}

/** An object by its digest, with its bytes at hand. */
export interface KnownObject extends RepeatableBytes {
  readonly sha256: Digest;
}

/**
 * Every method throws SlipwayError as those of StoreReader do, and `disk-full`. An object is visible whole or not at
 * all, whatever dies on the way. A reader that is a writer, too, sees at once what any writer has done.
 */
export interface StoreWriter extends StoreReader {
  /** Whether a key holds this object; reads what is there only where nothing cheaper tells. */
  holds(key: string, object: KnownObject): Promise<Holding>;
  /** Creates a small object only if the key is free; of several at once, one wins. */
  putNew(key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /**
   * Replaces a small object only if it still has the etag; of several at once with one etag, one wins.
   * @throws SlipwayError `metadata-too-large` where an object beyond maxSwappedBytes is there
   */
  compareAndSwap(key: string, etag: string, bytes: Uint8Array): Promise<'swapped' | 'changed'>;
  /** Every object below a prefix that ends with a slash, in no order. */
  list(prefix: string): AsyncIterable<ListedObject>;
  /** Removes an object; one that is not there is removed. */
  remove(key: string): Promise<void>;
  /** Stores content-addressed bytes of any length in bounded memory; what was there is replaced. */
  putBlob(key: string, source: RepeatableBytes, onBytes?: (count: number) => void): Promise<void>;
}
