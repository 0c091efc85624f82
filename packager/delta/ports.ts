/** What making a delta needs from outside: an encoder, which may be missing or give up on an input. */

/** Why there is no delta; the full blob serves instead. */
export type SkipReason =
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
