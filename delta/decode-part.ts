/**
 * Makes one part of the target from the delta and the old parts, and proves its length and digest. Copies are not
 * made here: a copied part is the old part. Packager and device have no other decoder and no other limits than these.
 */
import { createHash } from 'node:crypto';
import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import { approximateNewLength, decodeApproximate } from './approximate/decode.ts';
import type { ByteSink } from './byte-sink.ts';
import type { ByteSource } from './byte-source.ts';
import { chunksOf } from './chunks.ts';
import type { CopiedPart, DeltaPart, GoPart } from './directory.ts';
import type { DeltaSection } from './format.ts';
import { buildGoPrediction } from './go/build-prediction.ts';
import { decompressZstd } from './recipe/decompress.ts';
import { sliceSource } from './slice-source.ts';
import { decodeVcdiff } from './vcdiff/decode.ts';

export interface Scratch {
  readonly sink: ByteSink;
  /** What was written, once everything was. */
  source(): ByteSource;
  /** Frees it; called in every case. */
  close(): void;
}

export interface PartPorts {
  /**
   * The bytes of an old part.
   * @throws SlipwayError `delta-malformed` when the base has no such part
   */
  oldPart(index: number): ByteSource;
  /** Room for an intermediate file of up to `length` bytes, on a disk rather than in memory. */
  scratch(length: number): Scratch;
}

const copyBytes = 64 * 1024;

/**
 * Writes the part to `sink`, never more bytes than announced.
 * @throws SlipwayError `delta-part-mismatch` when length or digest differ from the directory's, else what the decoder
 *   of its method throws; bytes may have been written by then
 */
export async function decodePart(
  part: Exclude<DeltaPart, CopiedPart>,
  delta: ByteSource,
  section: DeltaSection,
  sink: ByteSink,
  ports: PartPorts,
): Promise<void> {
  const hash = createHash('sha256');
  let written = 0;
  const proving: ByteSink = {
    write(chunk) {
      written += chunk.length;
      if (written > part.length) throw mismatch(`${part.length} bytes`, 'more');
      hash.update(chunk);
      sink.write(chunk);
    },
  };
  await decodeBytes(part, sliceSource(delta, section.offset, section.length), proving, ports);
  if (written !== part.length) throw mismatch(`${part.length} bytes`, `${written}`);
  const sha256 = hash.digest('hex');
  if (sha256 !== part.sha256) throw mismatch(`digest ${part.sha256}`, sha256);
}

async function decodeBytes(
  part: Exclude<DeltaPart, CopiedPart>,
  data: ByteSource,
  sink: ByteSink,
  ports: PartPorts,
): Promise<void> {
  switch (part.method) {
    case 'approximate':
      return decodePatch(ports.oldPart(part.oldPart), data, part.length, sink);
    case 'go':
      return decodeGo(part, data, sink, ports);
    case 'vcdiff':
      return writeAll(decodeVcdiff(ports.oldPart(part.oldPart), copiesOf(data), part.length), sink);
    case 'zstd':
      return writeAll(decompressZstd(piecesOf(data), limits.maxZstdWindowLog), sink);
    case 'zstdPatch':
      return decodeZstdPatch(ports.oldPart(part.oldPart), data, part.length, sink);
    case 'stored':
      return copyRange(data, 0, part.length, sink);
    case 'range':
      return copyRange(ports.oldPart(part.oldPart), part.offset, part.length, sink);
    default:
      throw part satisfies never;
  }
}

async function writeAll(content: AsyncIterable<Uint8Array>, sink: ByteSink): Promise<void> {
  for await (const piece of content) sink.write(piece);
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  yield* chunksOf(source);
}

/** For a reader that looks ahead, and so keeps a chunk when it asks for the next. */
async function* copiesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (const chunk of chunksOf(source)) yield chunk.slice();
}

function decodePatch(old: ByteSource, patch: ByteSource, length: number, sink: ByteSink): void {
  const announced = approximateNewLength(patch);
  if (announced !== length) throw mismatch(`${length} bytes`, `a patch that makes ${announced}`);
  decodeApproximate(old, patch, sink);
}

function decodeGo(part: GoPart, data: ByteSource, sink: ByteSink, ports: PartPorts): void {
  if (part.tablesLength > limits.maxGoTablesBytes) {
    throw new SlipwayError('delta-malformed', `side tables of ${part.tablesLength} bytes`);
  }
  const tables = new Uint8Array(part.tablesLength);
  data.readInto(tables, 0);
  const room = part.length * 2;
  const scratch = ports.scratch(room);
  try {
    let predicted = 0;
    buildGoPrediction(ports.oldPart(part.oldPart), tables, {
      write(chunk) {
        predicted += chunk.length;
        if (predicted > room) throw new SlipwayError('delta-malformed', `a prediction beyond ${room} bytes`);
        scratch.sink.write(chunk);
      },
    });
    decodePatch(scratch.source(), sliceSource(data, part.tablesLength, part.dataLength), part.length, sink);
  } finally {
    scratch.close();
  }
}

async function decodeZstdPatch(old: ByteSource, frame: ByteSource, length: number, sink: ByteSink): Promise<void> {
  const longest = Math.max(old.length, length);
  if (longest > limits.maxZstdPatchBytes) {
    const most = limits.maxZstdPatchBytes;
    throw new SlipwayError('delta-malformed', `a zstd patch for ${longest} bytes, expected at most ${most}`);
  }
  const before = new Uint8Array(old.length);
  old.readInto(before, 0);
  await writeAll(decompressZstd(piecesOf(frame), limits.maxZstdPatchWindowLog, before), sink);
}

function copyRange(source: ByteSource, offset: number, length: number, sink: ByteSink): void {
  if (offset + length > source.length) {
    throw new SlipwayError(
      'delta-out-of-bounds',
      `bytes ${offset} to ${offset + length} of a part of ${source.length} bytes`,
    );
  }
  const buffer = new Uint8Array(Math.min(copyBytes, length));
  for (let done = 0; done < length; ) {
    const chunk = buffer.subarray(0, Math.min(buffer.length, length - done));
    source.readInto(chunk, offset + done);
    sink.write(chunk);
    done += chunk.length;
  }
}

function mismatch(expected: string, found: string): SlipwayError {
  return new SlipwayError('delta-part-mismatch', `expected a part of ${expected}, found ${found}`, {
    hint: 'The base or the delta is damaged; fetch the delta again, or use a full download.',
  });
}
