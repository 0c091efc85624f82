/**
 * Reads and writes the directory of a Slipway delta: base, target and, part by part, the method that makes it.
 * FORMAT.md describes it byte by byte.
 */
import type { Digest } from '../contract/digest.ts';
import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { AdaptiveNumbers, SymbolCoder } from './approximate/symbol-coder.ts';

/** How the bytes of a part are made. The position in this list is the number in the file. */
const partMethods = ['copy', 'range', 'approximate', 'go', 'vcdiff', 'zstd', 'stored', 'zstdPatch'] as const;
export type PartMethod = (typeof partMethods)[number];

/** The whole of an old part: no bytes in the delta, and its length and digest are those of the old part. */
export interface CopiedPart {
  readonly method: 'copy';
  readonly oldPart: number;
}

/** What the finished bytes are checked against. */
export interface Proof {
  readonly length: number;
  readonly sha256: Digest;
}

/** `length` bytes of an old part from `offset` on. */
export interface RangePart extends Proof {
  readonly method: 'range';
  readonly oldPart: number;
  readonly offset: number;
}

/**
 * Of `dataLength` bytes against an old part: an approximate patch, a VCDIFF file (RFC 3284), or a zstd frame (RFC 8878)
 * whose matches reach into the old part as if it came before.
 */
export interface PatchedPart extends Proof {
  readonly method: 'approximate' | 'vcdiff' | 'zstdPatch';
  readonly oldPart: number;
  readonly dataLength: number;
}

/** Side tables that predict the part from an old Go program, then an approximate patch against the prediction. */
export interface GoPart extends Proof {
  readonly method: 'go';
  readonly oldPart: number;
  readonly tablesLength: number;
  readonly dataLength: number;
}

/** The part itself as one zstd frame (RFC 8878). */
export interface FramedPart extends Proof {
  readonly method: 'zstd';
  readonly dataLength: number;
}

/** The part itself, as it is. */
interface StoredPart extends Proof {
  readonly method: 'stored';
  readonly dataLength: number;
}

/** Who dispatches on the method ends with `satisfies never`: another method then does not compile. */
export type DeltaPart = CopiedPart | RangePart | PatchedPart | GoPart | FramedPart | StoredPart;

/** Everything about a delta but the bytes of its parts. */
export interface DeltaDirectory {
  readonly base: Proof;
  readonly target: Proof;
  /** Bytes of the section that describes how the base is taken apart, then how the target is put together. */
  readonly recipesLength: number;
  /** New parts in order of their numbers. */
  readonly parts: readonly DeltaPart[];
}

/** Bytes that a part has in the delta. */
export function sectionLength(part: DeltaPart): number {
  switch (part.method) {
    case 'copy':
    case 'range':
      return 0;
    case 'go':
      return part.tablesLength + part.dataLength;
    case 'approximate':
    case 'vcdiff':
    case 'zstdPatch':
    case 'zstd':
    case 'stored':
      return part.dataLength;
    default:
      throw part satisfies never;
  }
}

/** Codes the directory; `known` is what the encoder writes. Both ends run this, so they agree on every context. */
export function codeDirectory(coder: SymbolCoder, known: DeltaDirectory | undefined): DeltaDirectory {
  const numbers = new DirectoryNumbers(coder);
  const base = codeProof(coder, known?.base);
  const target = codeProof(coder, known?.target);
  const recipesLength = numbers.code('recipes', known?.recipesLength ?? 0);
  const count = numbers.code('count', known?.parts.length ?? 0);
  if (count > limits.maxDeltaParts) throw malformed(`${count} parts, more than ${limits.maxDeltaParts}`);
  const parts: DeltaPart[] = [];
  let expectedOld = 0;
  for (let i = 0; i < count; i++) {
    const part = codePart(coder, numbers, known?.parts[i], expectedOld);
    if ('oldPart' in part) expectedOld = part.oldPart + 1;
    parts.push(part);
  }
  return { base, target, recipesLength, parts };
}

function codePart(
  coder: SymbolCoder,
  numbers: DirectoryNumbers,
  known: DeltaPart | undefined,
  expectedOld: number,
): DeltaPart {
  const method = partMethods[numbers.code('method', known === undefined ? 0 : partMethods.indexOf(known.method))];
  if (method === undefined) throw malformed('a part with a method that this version does not have');
  if (method === 'zstd' || method === 'stored') {
    const dataLength = numbers.code('data', known !== undefined && 'dataLength' in known ? known.dataLength : 0);
    const proof = codeProof(coder, known as FramedPart | StoredPart | undefined);
    if (method === 'stored' && dataLength !== proof.length)
      throw malformed('a stored part of another length than its bytes');
    return { method, dataLength, ...proof };
  }
  const distance = known !== undefined && 'oldPart' in known ? known.oldPart - expectedOld : 0;
  const folded = numbers.code('oldPart', distance < 0 ? -2 * distance - 1 : 2 * distance);
  const oldPart = expectedOld + (folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2);
  if (oldPart < 0 || oldPart >= limits.maxDeltaParts) throw malformed(`a part made from old part ${oldPart}`);
  if (method === 'copy') return { method, oldPart };
  if (method === 'range') {
    const offset = codeLong(coder, known?.method === 'range' ? known.offset : 0);
    return { method, oldPart, offset, ...codeProof(coder, known as RangePart | undefined) };
  }
  if (method === 'go') {
    const tablesLength = numbers.code('tables', known?.method === 'go' ? known.tablesLength : 0);
    const dataLength = numbers.code('data', known?.method === 'go' ? known.dataLength : 0);
    return { method, oldPart, tablesLength, dataLength, ...codeProof(coder, known as GoPart | undefined) };
  }
  if (method === 'approximate' || method === 'vcdiff' || method === 'zstdPatch') {
    const dataLength = numbers.code('data', known !== undefined && 'dataLength' in known ? known.dataLength : 0);
    return { method, oldPart, dataLength, ...codeProof(coder, known as PatchedPart | undefined) };
  }
  throw method satisfies never;
}

function codeProof(coder: SymbolCoder, known: Proof | undefined): Proof {
  const length = codeLong(coder, known?.length ?? 0);
  if (length > limits.maxComponentBytes) throw malformed(`${length} bytes, more than ${limits.maxComponentBytes}`);
  let sha256 = '';
  for (let at = 0; at < 64; at += 8) {
    const word = known === undefined ? 0 : Number.parseInt(known.sha256.slice(at, at + 8), 16);
    sha256 += coder.plainBits(word, 32).toString(16).padStart(8, '0');
  }
  return { length, sha256 };
}

/** A number below 2^53: its size in bits by 6 plain bits, then its bits. */
function codeLong(coder: SymbolCoder, value: number): number {
  const high = Math.floor(value / 2 ** 32);
  const known = high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(value);
  const size = coder.plainBits(known, 6);
  if (size > 53) throw malformed(`a number of ${size} bits`);
  if (size <= 32) return coder.plainBits(value % 2 ** 32, size);
  const top = coder.plainBits(high, size - 32);
  return top * 2 ** 32 + coder.plainBits(value % 2 ** 32, 32);
}

const columns = ['recipes', 'count', 'method', 'oldPart', 'tables', 'data'] as const;

/** Numbers of the directory: each column has statistics of its own. */
class DirectoryNumbers {
  readonly #numbers: AdaptiveNumbers;

  constructor(coder: SymbolCoder) {
    this.#numbers = coder.numbers(columns.length);
  }

  code(column: (typeof columns)[number], value: number): number {
    return this.#numbers.code(columns.indexOf(column), value);
  }
}

export function malformed(found: string): SlipwayError {
  return new SlipwayError('delta-malformed', `expected a Slipway delta, found ${found}`);
}
