/**
 * Has one part encoded by what has room for it: a process of encoders, VCDIFF where these gave little, else its plain
 * bytes. Knows how much memory encoders need.
 */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limits } from '../../contract/limits.ts';
import type { FileRange } from './file-source.ts';
import type { OpenedPart } from './open/parts.ts';
import type {
  DeltaEncoder,
  DeltaMakerPorts,
  EncodedMethod,
  PartBytes,
  PartCode,
  PartTask,
  TriedMethod,
} from './ports.ts';

/** For statistics, tables and the program itself. */
const baseMemoryBytes = 160 * 1024 * 1024;
/** For each byte of an old part, and of a new one. */
const oldMemory = 10;
const newMemory = 3;

/** What made no use of an old part, or little: VCDIFF may do better. */
const isPoor: Record<EncodedMethod, boolean> = {
  go: false,
  approximate: false,
  vcdiff: false,
  zstdPatch: false,
  zstd: true,
  stored: true,
};

/** @param banned methods that a proof refuted */
export async function codeOf(
  part: OpenedPart,
  candidates: readonly OpenedPart[],
  outFile: string,
  { encoders, vcdiff }: DeltaMakerPorts,
  banned: ReadonlySet<string>,
): Promise<PartCode> {
  const longest = Math.max(part.length, ...candidates.map((old) => old.length));
  const needed = memoryFor(part, candidates);
  const fits = longest <= limits.maxApproximateBytes && needed <= encoders.maxMemoryBytes;
  const methods = (['go', 'approximate', 'zstdPatch', 'zstd'] as const).filter((method) => !banned.has(method));
  const task: PartTask = {
    new: bytesOf(part.range),
    olds: fits ? candidates.map(({ index, range }) => ({ index, bytes: bytesOf(range) })) : [],
    methods: longest > limits.maxApproximateBytes ? [] : methods,
    outFile,
  };
  let code: PartCode;
  try {
    if (longest > limits.maxApproximateBytes) throw new Error(`${longest} bytes are more than an encoder takes`);
    code = await encoders.encode(task, fits ? needed : baseMemoryBytes + 12 * 2 ** 20 + newMemory * part.length);
  } catch (error) {
    await copyRange(part.range, outFile);
    const reason = error instanceof Error ? error.message : String(error);
    const tried = methods.map((method): TriedMethod => ({ method, reason }));
    code = { method: 'stored', oldPart: undefined, tablesLength: 0, dataLength: part.length, tried };
  }
  const [first] = candidates;
  if (!isPoor[code.method] || first === undefined || vcdiff === undefined || banned.has('vcdiff')) return code;
  return smallerVcdiff(vcdiff, first, part, outFile, code);
}

/** Asked only where the better methods had no room or failed: beside them it is never the smallest. */
async function smallerVcdiff(
  encoder: DeltaEncoder,
  base: OpenedPart,
  target: OpenedPart,
  file: string,
  known: PartCode,
): Promise<PartCode> {
  if (Math.max(target.length, base.length) > encoder.maxInputBytes) return known;
  const names = { old: `${file}.old`, new: `${file}.new`, out: `${file}.vcdiff` };
  try {
    await copyRange(base.range, names.old);
    await copyRange(target.range, names.new);
    const outcome = await encoder.encode(names.old, names.new, names.out);
    if (outcome.kind === 'skipped') {
      return { ...known, tried: [...known.tried, { method: 'vcdiff', reason: outcome.detail }] };
    }
    const tried: TriedMethod[] = [...known.tried, { method: 'vcdiff', length: outcome.length }];
    if (outcome.length >= known.dataLength) return { ...known, tried };
    await rename(names.out, file);
    return { method: 'vcdiff', oldPart: base.index, tablesLength: 0, dataLength: outcome.length, tried };
  } finally {
    for (const name of Object.values(names)) await rm(name, { force: true });
  }
}

/** The longest part that an encoder with so much memory takes beside an old part of that length. */
export function longestEncoded(maxMemoryBytes: number): number {
  const fitting = Math.floor((maxMemoryBytes - baseMemoryBytes) / (oldMemory + newMemory));
  return Math.min(Math.max(fitting, 0), limits.maxApproximateBytes);
}

/** Suffix array, both files, the prediction and its parts. */
function memoryFor(part: OpenedPart, candidates: readonly OpenedPart[]): number {
  const old = Math.max(0, ...candidates.map((candidate) => candidate.length));
  return baseMemoryBytes + oldMemory * old + newMemory * part.length;
}

function bytesOf({ file, offset, length }: FileRange): PartBytes {
  return { file: file.path, offset, length };
}

async function copyRange(range: FileRange, file: string): Promise<void> {
  await pipeline(Readable.from(range.chunks()), createWriteStream(file));
}
