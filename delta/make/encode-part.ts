/**
 * Makes the bytes of one part of a delta by the methods that run in this process, and keeps the smallest, or one hardly
 * larger that devices decode much faster. A method that cannot take the part says why and is passed over. Whether the bytes decode is proved later, by the whole delta.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { constants, zstdCompressSync } from 'node:zlib';
import { memorySource } from '../../contract/byte-source.ts';
import { limits } from '../../contract/limits.ts';
import { buildGoPrediction } from '../go/build-prediction.ts';
import { encodeApproximate, encodePredicted } from './approximate/encode.ts';
import { analyseGoPair } from './go/analyse-pair.ts';
import { alikeness, sketchOf } from './likeness.ts';
import type { PartBytes, PartCode, PartTask, TriedMethod } from './ports.ts';

/** A patch below this share of the part is good enough not to try others. */
const goodShare = 0.1;
/**
 * A device makes an approximate patch of so many bytes in about half a second, a zstd frame thirty times as fast: beyond
 * it an approximate patch must be smaller by this factor to be taken.
 */
const slowPatchBytes = 64 * 1024;
const slowPatchGain = 1.1;
/**
 * Quick levels of zstd, without and with an old part, the best one, which takes twenty times as long, and the share that
 * the best one leaves of the quick one's bytes at least.
 */
const quickLevel = 3;
const quickPatchLevel = 12;
const bestLevel = 19;
const bestOfQuick = 0.6;

/**
 * A part of so many bytes that zstd leaves at this share at least is compressed or encrypted, and an old part that is less
 * alike has nothing for it: an approximate patch would take a minute to find none.
 */
const minNoiseBytes = 1024 * 1024;
const noiseShare = 0.98;
const minAlikeness = 0.005;

interface Draft extends PartCode {
  readonly chunks: readonly Uint8Array[];
}

/** Writes the best to `task.outFile` and says what was tried. */
export async function encodePart(task: PartTask): Promise<PartCode> {
  const bytes = readRange(task.new);
  const tried: TriedMethod[] = [];
  const drafts: Draft[] = [];
  const allows = (method: PartCode['method']) => task.methods.includes(method);
  const attempt = (
    method: PartCode['method'],
    oldPart: number | undefined,
    make: () => readonly Uint8Array[] | string,
  ) => {
    const made = outcomeOf(make);
    if (typeof made === 'string') {
      tried.push({ method, reason: made });
      return;
    }
    const length = made.reduce((sum, chunk) => sum + chunk.length, 0);
    tried.push({ method, length });
    const tablesLength = method === 'go' ? (made[0]?.length ?? 0) : 0;
    drafts.push({ method, oldPart, tablesLength, dataLength: length - tablesLength, tried, chunks: made });
  };
  const isGood = () => drafts.some((draft) => sizeOf(draft) < bytes.length * goodShare);
  let quickLength: number | undefined;
  /** What zstd leaves of the part at its quick level. */
  const quickBytes = () => {
    quickLength ??= compressed(bytes, quickLevel).length;
    return quickLength;
  };
  const isNoise = () => bytes.length >= minNoiseBytes && quickBytes() >= bytes.length * noiseShare;
  for (const { index, bytes: place } of task.olds) {
    const old = readRange(place);
    if (allows('go')) attempt('go', index, () => goPatch(old, bytes));
    if (allows('approximate') && !isGood()) {
      attempt('approximate', index, () =>
        isNoise() && isStrange(bytes, old)
          ? 'compressed content that is nothing like it'
          : [encodeApproximate(old, bytes)],
      );
    }
    if (allows('zstdPatch') && !drafts.some(isFast) && Math.max(old.length, bytes.length) <= limits.maxZstdPatchBytes) {
      const least = Math.min(...drafts.map(weightOf));
      attempt('zstdPatch', index, () => {
        const quick = drafts.length > 0 ? compressed(bytes, quickPatchLevel, old).length : 0;
        return quick * bestOfQuick >= least ? tooMany(quick) : [compressed(bytes, bestLevel, old)];
      });
    }
  }
  if (allows('zstd') && !isGood()) {
    const least = Math.min(...drafts.map(sizeOf));
    attempt('zstd', undefined, () => {
      const quick = drafts.length > 0 ? quickBytes() : 0;
      return quick * bestOfQuick >= least ? tooMany(quick) : [compressed(bytes, bestLevel)];
    });
  }
  const stored: Draft = {
    method: 'stored',
    oldPart: undefined,
    tablesLength: 0,
    dataLength: bytes.length,
    tried,
    chunks: [bytes],
  };
  const best = drafts.reduce((least, draft) => (weightOf(draft) < weightOf(least) ? draft : least), stored);
  await writeFile(task.outFile, best.chunks);
  const { chunks: _, ...code } = best;
  return code;
}

function tooMany(quick: number): string {
  return `${quick} bytes at its quick level`;
}

function sizeOf({ tablesLength, dataLength }: PartCode): number {
  return tablesLength + dataLength;
}

function isFast(draft: PartCode): boolean {
  return draft.method !== 'approximate' || draft.dataLength <= slowPatchBytes;
}

/** Bytes, more where decoding is slow. */
function weightOf(draft: PartCode): number {
  return isFast(draft) ? sizeOf(draft) : sizeOf(draft) * slowPatchGain;
}

/** Any failure of a codec is a reason to take another: nothing in a file may fail a build. */
function outcomeOf(make: () => readonly Uint8Array[] | string): readonly Uint8Array[] | string {
  try {
    return make();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function goPatch(old: Uint8Array, bytes: Uint8Array): readonly Uint8Array[] | string {
  const analysis = analyseGoPair(old, bytes);
  if ('notGo' in analysis) return analysis.notGo;
  const { sideTables } = analysis;
  if (sideTables.length > limits.maxGoTablesBytes) return `side tables of ${sideTables.length} bytes`;
  const room = bytes.length * 2;
  const chunks: Uint8Array[] = [];
  let length = 0;
  buildGoPrediction(memorySource(old), sideTables, {
    write(chunk) {
      length += chunk.length;
      if (length <= room) chunks.push(chunk.slice());
    },
  });
  if (length > room) return `a prediction of ${length} bytes for a part of ${bytes.length}`;
  return [sideTables, encodePredicted(Buffer.concat(chunks), bytes)];
}

function isStrange(bytes: Uint8Array, old: Uint8Array): boolean {
  return alikeness(sketch(bytes), sketch(old)) < minAlikeness;
}

function sketch({ buffer, byteOffset, length }: Uint8Array) {
  return sketchOf({ chunks: () => [Buffer.from(buffer, byteOffset, length)] });
}

/** @param before what matches may reach into as if it came before: the window covers all of `bytes`, so it always can be */
function compressed(bytes: Uint8Array, level: number, before?: Uint8Array): Uint8Array {
  const windowLog = before === undefined ? limits.maxZstdWindowLog : limits.maxZstdPatchWindowLog;
  return zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: windowLog,
    },
    ...(before === undefined ? {} : { dictionary: before }),
  });
}

function readRange({ file, offset, length }: PartBytes): Uint8Array {
  const bytes = new Uint8Array(length);
  const descriptor = openSync(file, 'r');
  try {
    for (let filled = 0; filled < length; ) {
      const got = readSync(descriptor, bytes, filled, length - filled, offset + filled);
      if (got === 0) throw new Error(`${file} ends at ${offset + filled}`);
      filled += got;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}
