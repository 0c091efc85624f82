/**
 * Declares what rebuilding needs from the machine: encoders of zstd frames, of which the versions differ in what they
 * write.
 */
import type { ZstdSettings } from './zstd-settings.ts';

/** Takes bytes in order; the view is only valid until the promise is settled. */
export type ByteConsumer = (bytes: Uint8Array) => void | Promise<void>;

/** Parts as streams: each call gives the next `length` bytes of a part. */
export interface PartReader {
  read(part: number, length: number): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** One zstd frame in the making. */
export interface ZstdEncoding {
  write(bytes: Uint8Array): void | Promise<void>;
  /** Ends the frame; resolves when its last byte has gone to the sink. */
  finish(): void | Promise<void>;
  /**
   * Instead of `finish`, before everything was written: resolves when what the frame begins with has gone to the sink.
   * An empty last block and a checksum may follow it. Nothing can be written then.
   */
  settle(): void | Promise<void>;
  /** Frees what it holds, at any time, also after an error; the second call does nothing. */
  close(): void;
}

export interface ZstdEncoder {
  /** Of libzstd, whose frames it writes: `1.5.7`. */
  readonly versions: readonly string[];
  /**
   * @param contentLength bytes that will be written, exactly
   * @param frameLength bytes that the frame has, exactly
   * @throws SlipwayError `recipe-encoder-missing` when this machine has not that version
   */
  encode(settings: ZstdSettings, contentLength: number, frameLength: number, sink: ByteConsumer): ZstdEncoding;
}
