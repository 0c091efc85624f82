/** Reads zstd frames (RFC 8878) as far as to know where they end and what their header says of the encoder. */
import { limits } from '../../../contract/limits.ts';
import type { FileRange } from '../file-source.ts';

export const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const maxBlockBytes = 128 * 1024;
export const blockHeaderBytes = 3;
/** In the first byte of a block's header. */
const lastBlockFlag = 1;
/** A raw block of no bytes, by which encoders end what they have flushed already. */
export const emptyLastBlock = Buffer.from([lastBlockFlag, 0, 0]);

export interface ZstdFrame {
  /** Of the whole frame with header and checksum. */
  readonly length: number;
  /** Smallest window log that the header allows; for a frame in one segment, that of its content. */
  readonly windowLog: number;
  readonly checksum: boolean;
  /** Undefined when the header does not say. */
  readonly contentLength: number | undefined;
  /** Bytes before the first block. */
  readonly headerLength: number;
}

/** The frame at `offset`; undefined when there is none, it is cut off, or it needs a dictionary or a huge window. */
export function readZstdFrame(range: FileRange, offset: number): ZstdFrame | undefined {
  const header = range.read(offset, 18);
  if (header.length < 9 || !header.subarray(0, 4).equals(zstdMagic)) return undefined;
  const descriptor = header[4] as number;
  const singleSegment = (descriptor & 0x20) !== 0;
  const checksum = (descriptor & 4) !== 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  // Bit 3 is reserved; a dictionary is never at hand.
  if ((descriptor & 0x0b) !== 0) return undefined;
  let at = 5;
  let windowLog = 0;
  if (!singleSegment) {
    const window = header[at++] as number;
    // Windows between two powers are not what libzstd writes.
    if ((window & 7) !== 0) return undefined;
    windowLog = 10 + (window >> 3);
  }
  if (at + sizeBytes > header.length) return undefined;
  const contentLength = readContentLength(header.subarray(at, at + sizeBytes));
  if (contentLength !== undefined && contentLength > limits.maxOpenedBytes) return undefined;
  if (singleSegment) windowLog = Math.max(10, Math.ceil(Math.log2(Math.max(1, contentLength ?? 0))));
  if (windowLog > limits.maxRecipeZstdWindowLog) return undefined;
  const end = walkBlocks(range, offset + at + sizeBytes);
  if (end === undefined || end + (checksum ? 4 : 0) > range.length) return undefined;
  return {
    length: end + (checksum ? 4 : 0) - offset,
    windowLog,
    checksum,
    contentLength,
    headerLength: at + sizeBytes,
  };
}

function readContentLength(field: Buffer): number | undefined {
  if (field.length === 0) return undefined;
  if (field.length === 1) return field.readUInt8();
  if (field.length === 2) return field.readUInt16LE() + 256;
  return field.length === 4 ? field.readUInt32LE() : Number(field.readBigUInt64LE());
}

/** Size of the block whose header is at the start of `bytes`; undefined where they are too few. */
export function blockSize(bytes: Buffer): number | undefined {
  return bytes.length < blockHeaderBytes ? undefined : bytes.readUIntLE(0, blockHeaderBytes) >> 3;
}

/** Offset behind the last block. */
function walkBlocks(range: FileRange, start: number): number | undefined {
  for (let at = start; at + 3 <= range.length; ) {
    const header = range.read(at, 3).readUIntLE(0, 3);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > maxBlockBytes) return undefined;
    at += 3 + (type === 1 ? 1 : size);
    if (header & lastBlockFlag) return at <= range.length ? at : undefined;
  }
  return undefined;
}
