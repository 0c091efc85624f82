/** Has every part of a target encoded: decides from what and by which methods, and hands the work out. */

import { createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limits } from '../../contract/limits.ts';
import type { DeltaPart, PartMethod } from '../directory.ts';
import { findRange } from './find-range.ts';
import { alikeness, type Sketch, sketchOf } from './likeness.ts';
import { matchParts } from './match-parts.ts';
import type { FileRange } from './open/file-source.ts';
import type { OpenedArtifact } from './open/open-artifact.ts';
import type { OpenedPart } from './open/parts.ts';
import type { DeltaEncoder, DeltaMakerPorts, PartBytes, PartCode, PartTask, TriedMethod } from './ports.ts';
import type { CodedPart } from './write-delta-file.ts';

export interface PartReport {
  readonly label: string;
  readonly length: number;
  readonly method: PartMethod;
  /** Bytes in the delta. */
  readonly deltaLength: number;
  /** Label of the old part that it is made from. */
  readonly from: string | undefined;
  readonly tried: readonly TriedMethod[];
}

export type ReportedPart = CodedPart & { readonly report: PartReport };

/** Parts that have no namesake and are searched for inside old parts: how many, and of what length at most. */
const maxSearched = 64;
const maxSearchedBytes = 4 * 1024 * 1024;
/** Bytes of old parts that are read for it, all searches together. */
const maxReadBytes = 4 * 1024 ** 3;
/** For statistics, tables and the program itself. */
const baseMemoryBytes = 160 * 1024 * 1024;
/** For each byte of an old part, and of a new one. */
const oldMemory = 10;
const newMemory = 3;

/**
 * @param banned methods that a proof refuted, by part
 * @param only numbers of the parts to encode; others are left undefined in the result. All by default.
 */
export async function encodeParts(
  old: OpenedArtifact,
  new_: OpenedArtifact,
  ports: DeltaMakerPorts,
  banned: ReadonlyMap<number, ReadonlySet<string>>,
  only?: ReadonlySet<number>,
): Promise<ReportedPart[]> {
  const matches = matchParts(old.parts, new_.parts, likenessOf(old, new_));
  const folder = await mkdtemp(path.join(ports.scratch, 'slipway-parts-'));
  /** Parts with the same bytes, to be made from the same: encoded once, though the delta holds the bytes of each. */
  const twins = new Map<string, Promise<{ readonly code: PartCode; readonly file: string }>>();
  let searched = 0;
  let readBytes = 0;
  const oldBytes = old.parts.reduce((sum, part) => sum + part.length, 0);
  ports.progress.expect(only ? 0 : new_.parts.reduce((sum, part) => sum + part.length, 0));
  const encode = async (part: OpenedPart, index: number): Promise<ReportedPart> => {
    const match = matches[index];
    if (match === undefined || match.kind === 'copy') {
      const oldPart = match?.oldPart ?? 0;
      return reported(part, { method: 'copy', oldPart }, undefined, 0, old, []);
    }
    const isSearched =
      part.length <= maxSearchedBytes && searched < maxSearched && readBytes + oldBytes <= maxReadBytes;
    if (!match.isNamed && isSearched) {
      searched++;
      readBytes += oldBytes;
      const found = rangeIn(old.parts, part);
      if (found !== undefined) return reported(part, found, undefined, 0, old, []);
    }
    const candidates = match.candidates.flatMap((number) => old.parts[number] ?? []);
    const methodsOut = banned.get(index) ?? new Set<string>();
    const key = [...[part, ...candidates].map(({ sha256 }) => sha256), ...methodsOut].join(' ');
    const file = path.join(folder, `${index}`);
    const making = twins.get(key) ?? codeOf(part, candidates, file, ports, methodsOut).then((code) => ({ code, file }));
    twins.set(key, making);
    const made = await making;
    const deltaLength = made.code.tablesLength + made.code.dataLength;
    return reported(part, directoryEntry(part, made.code), made.file, deltaLength, old, made.code.tried);
  };
  const encodings = new_.parts
    .map((part, index) => ({ part, index }))
    .filter(({ index }) => only === undefined || only.has(index))
    .toSorted((a, b) => b.part.length - a.part.length)
    .map(async ({ part, index }): Promise<[number, ReportedPart]> => {
      const coded = await encode(part, index);
      if (!only) ports.progress.advance(part.length);
      return [index, coded];
    });
  const coded: ReportedPart[] = [];
  for (const outcome of await Promise.allSettled(encodings)) {
    if (outcome.status === 'rejected') {
      await rm(folder, { recursive: true, force: true });
      throw outcome.reason;
    }
    const [index, part] = outcome.value;
    coded[index] = part;
  }
  return coded;
}

async function codeOf(
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
  const isPoor = code.method === 'zstd' || code.method === 'stored';
  if (!isPoor || first === undefined || vcdiff === undefined || banned.has('vcdiff')) return code;
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

function directoryEntry(part: OpenedPart, code: PartCode): DeltaPart {
  const { length, sha256 } = part;
  const { method, tablesLength, dataLength } = code;
  const oldPart = code.oldPart ?? 0;
  switch (method) {
    case 'go':
      return { method, oldPart, tablesLength, dataLength, length, sha256 };
    case 'approximate':
    case 'vcdiff':
    case 'zstdPatch':
      return { method, oldPart, dataLength, length, sha256 };
    case 'zstd':
    case 'stored':
      return { method, dataLength, length, sha256 };
    default:
      throw method satisfies never;
  }
}

function reported(
  part: OpenedPart,
  entry: DeltaPart,
  file: string | undefined,
  deltaLength: number,
  old: OpenedArtifact,
  tried: readonly TriedMethod[],
): ReportedPart {
  const from = 'oldPart' in entry ? old.parts[entry.oldPart]?.label : undefined;
  const report = { label: part.label, length: part.length, method: entry.method, deltaLength, from, tried };
  return { part: entry, file, report };
}

function rangeIn(olds: readonly OpenedPart[], part: OpenedPart): DeltaPart | undefined {
  for (const { index, range } of olds) {
    const offset = findRange(part.range, range);
    if (offset !== undefined) {
      return { method: 'range', oldPart: index, offset, length: part.length, sha256: part.sha256 };
    }
  }
  return undefined;
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

function likenessOf(old: OpenedArtifact, new_: OpenedArtifact) {
  const sketches = new Map<OpenedPart, Sketch>();
  const sketch = (part: OpenedPart | undefined): Sketch => {
    if (part === undefined) return new Set();
    const known = sketches.get(part) ?? sketchOf(part.range);
    sketches.set(part, known);
    return known;
  };
  return (newPart: number, oldPart: number) => alikeness(sketch(new_.parts[newPart]), sketch(old.parts[oldPart]));
}

function bytesOf({ file, offset, length }: FileRange): PartBytes {
  return { file: file.path, offset, length };
}

async function copyRange(range: FileRange, file: string): Promise<void> {
  await pipeline(Readable.from(range.chunks()), createWriteStream(file));
}
