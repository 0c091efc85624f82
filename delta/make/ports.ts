/** Declares what making a delta needs from outside: an encoder, which may be missing or give up on an input. */

import type { Progress } from '../../contract/progress.ts';
import type { ZstdEncoder } from '../recipe/ports.ts';

/** Why there is no delta; the full blob serves instead. */
type SkipReason =
  /** Old or new file is empty: there is nothing to save. */
  | 'input-empty'
  /** Larger than the encoder takes into memory. */
  | 'input-too-large'
  /** The encoder ended without a delta. */
  | 'encoder-failed'
  /** The delta does not give the new file back. */
  | 'not-reproducible';

export interface SkippedDelta {
  readonly kind: 'skipped';
  readonly reason: SkipReason;
  /** One sentence for people. */
  readonly detail: string;
}

export interface EncodedDelta {
  readonly kind: 'encoded';
  /** Bytes of the delta. */
  readonly length: number;
}

/** Encodes outside of this process's event loop. */
export interface DeltaEncoder {
  readonly format: 'vcdiff';
  /** Bytes of the largest old or new file it takes. */
  readonly maxInputBytes: number;
  /**
   * Writes to `outFile` a delta that turns `oldFile` into `newFile`; leaves no `outFile` unless it is `encoded`.
   * An input that the encoder cannot handle is an outcome, not an error.
   */
  encode(oldFile: string, newFile: string, outFile: string): Promise<EncodedDelta | SkippedDelta>;
}

/** A stretch of a file on disk. */
export interface PartBytes {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** One part to encode: all that another process needs to know. */
export interface PartTask {
  readonly new: PartBytes;
  /** Old parts to try, by their numbers. */
  readonly olds: readonly { readonly index: number; readonly bytes: PartBytes }[];
  /** Methods that may be used; `stored` always may. */
  readonly methods: readonly EncodedMethod[];
  /** Where the bytes of the part go. */
  readonly outFile: string;
}

export type EncodedMethod = 'go' | 'approximate' | 'vcdiff' | 'zstd' | 'stored' | 'zstdPatch';

/** What came of a method: bytes, or why it cannot take the part. */
export type TriedMethod =
  | { readonly method: EncodedMethod; readonly length: number }
  | { readonly method: EncodedMethod; readonly reason: string };

export interface PartCode {
  readonly method: EncodedMethod;
  /** Undefined for methods that need none. */
  readonly oldPart: number | undefined;
  readonly tablesLength: number;
  readonly dataLength: number;
  readonly tried: readonly TriedMethod[];
}

/** Encodes parts in other processes, several at a time. */
export interface PartEncoders {
  /**
   * Runs when there is room for it; a process that dies (memory) rejects this task only.
   * @param memoryBytes what it will need, an estimate
   */
  encode(task: PartTask, memoryBytes: number): Promise<PartCode>;
  /** Of all tasks together. */
  readonly maxMemoryBytes: number;
  close(): void;
}

export interface DeltaMakerPorts {
  readonly encoders: PartEncoders;
  /** For parts that are too large for the others; undefined where this machine has none. */
  readonly vcdiff: DeltaEncoder | undefined;
  /** A folder for files as large as the opened artifacts. */
  readonly scratch: string;
  /** Writes zstd frames again, as devices can. */
  readonly zstd: ZstdEncoder;
  readonly progress: Progress;
  /** One line for people. */
  readonly say: (line: string) => void;
}
