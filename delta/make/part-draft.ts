/** Weighs what methods made of a part: bytes count, and where a device decodes slowly they count more. */
import type { EncodedMethod, PartCode } from './ports.ts';

export interface PartDraft extends PartCode {
  readonly chunks: readonly Uint8Array[];
}

/**
 * A device makes an approximate patch of this number of bytes in about half a second, a zstd frame thirty times as
 * fast: beyond it an approximate patch must be smaller by this factor to be taken.
 */
const slowPatchBytes = 64 * 1024;
const slowPatchGain = 1.1;
const isSlowBeyond: Record<EncodedMethod, boolean> = {
  approximate: true,
  go: false,
  vcdiff: false,
  zstd: false,
  zstdPatch: false,
  stored: false,
};

/** Bytes in the delta. */
export function encodedBytesOf({ tablesLength, dataLength }: PartCode): number {
  return tablesLength + dataLength;
}

export function isFast({ method, dataLength }: PartCode): boolean {
  return !isSlowBeyond[method] || dataLength <= slowPatchBytes;
}

/** Bytes, more where decoding is slow. */
export function weightOf(draft: PartCode): number {
  return isFast(draft) ? encodedBytesOf(draft) : encodedBytesOf(draft) * slowPatchGain;
}

/** The lightest; the first of several. */
export function lightest(drafts: readonly PartDraft[], stored: PartDraft): PartDraft {
  return drafts.reduce((least, draft) => (weightOf(draft) < weightOf(least) ? draft : least), stored);
}
