/**
 * Gathers the symbols of a block and writes it as zlib's trees.c does: the same choice between stored, fixed and
 * dynamic, the same run-length code of the code lengths. Ported from zlib 1.3 (see ../LICENSE-zlib.txt).
 */
import type { BitWriter } from '../bit-writer.ts';
import {
  codeLengthOrder,
  distanceBase,
  distanceCode,
  distanceCodes,
  distanceExtraBits,
  endOfBlock,
  firstLengthCode,
  lengthBase,
  lengthCode,
  lengthExtraBits,
  literalCodes,
} from '../length-and-distance.ts';
import { ZlibTree } from './huffman-tree.ts';

/** When a block is full. */
interface BlockEnd {
  /** Symbols that a block has room for; it is full one short of it. */
  readonly symbols: number;
  /**
   * Set where a block also ends when a look at every 4096th symbol finds that it compresses well: how many bytes of the
   * symbol just taken count as covered then.
   */
  readonly lookAhead: number | undefined;
}

/** As zlib ends blocks, at memLevel 8. */
const zlibBlockEnd: BlockEnd = { symbols: 1 << 14, lookAhead: undefined };
const lookEvery = 4096;

const fixedLiteralLengths = new Uint16Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
const fixedDistanceLengths = new Uint16Array(distanceCodes).fill(5);

interface Code {
  readonly codes: Uint16Array;
  readonly lengths: Uint16Array;
}

const literalExtra = (symbol: number) =>
  symbol >= firstLengthCode ? (lengthExtraBits[symbol - firstLengthCode] as number) : 0;
const distanceExtra = (symbol: number) => distanceExtraBits[symbol] as number;
const runExtra = (symbol: number) => [2, 3, 7][symbol - 16] ?? 0;

export class ZlibBlockWriter {
  readonly #out: BitWriter;
  readonly #literals = new ZlibTree(literalCodes, 15, literalExtra, fixedLiteralLengths);
  readonly #distances = new ZlibTree(distanceCodes, 15, distanceExtra, fixedDistanceLengths);
  readonly #runs = new ZlibTree(19, 7, runExtra, undefined);
  /** A literal is its byte, with distance 0; a match its length less 3, with its distance. */
  readonly #values: Uint8Array;
  readonly #reach: Uint16Array;
  readonly #end: BlockEnd;
  #count = 0;
  #matches = 0;
  /** Bytes that the symbols stand for. */
  #covered = 0;

  constructor(out: BitWriter, end = zlibBlockEnd) {
    this.#out = out;
    this.#end = end;
    this.#values = new Uint8Array(end.symbols);
    this.#reach = new Uint16Array(end.symbols);
    this.#clear();
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** @returns whether the block is full and must be written */
  literal(byte: number): boolean {
    this.#values[this.#count] = byte;
    this.#reach[this.#count++] = 0;
    (this.#literals.frequencies[byte] as number)++;
    return this.#isFull(1);
  }

  /** @returns whether the block is full and must be written */
  match(distance: number, length: number): boolean {
    const value = length - 3;
    this.#values[this.#count] = value;
    this.#reach[this.#count++] = distance;
    (this.#literals.frequencies[firstLengthCode + (lengthCode[value] as number)] as number)++;
    (this.#distances.frequencies[distanceCode(distance - 1)] as number)++;
    this.#matches++;
    return this.#isFull(length);
  }

  /** @param length bytes that the symbol just taken stands for */
  #isFull(length: number): boolean {
    const { symbols, lookAhead } = this.#end;
    const coveredBefore = this.#covered;
    this.#covered += length;
    const looks = lookAhead !== undefined && this.#count % lookEvery === 0;
    if (looks && this.#matches < this.#count >>> 1) {
      let bits = 8 * this.#count;
      for (let code = 0; code < distanceCodes; code++) {
        bits += (this.#distances.frequencies[code] as number) * (5 + (distanceExtraBits[code] as number));
      }
      if (Math.floor(bits / 8) < (coveredBefore + lookAhead) >>> 1) return true;
    }
    return this.#count === symbols - 1;
  }

  /** @param bytes what the block stands for; undefined once it has slid out of the window */
  write(bytes: Uint8Array | undefined, length: number, last: boolean): void {
    this.#literals.build();
    this.#distances.build();
    const runCodes = this.#planRuns();
    const dynamicBits =
      this.#literals.ownBits + this.#distances.ownBits + this.#runs.ownBits + 3 * runCodes + 5 + 5 + 4;
    const fixedBits = this.#literals.fixedBits + this.#distances.fixedBits;
    const fixedBytes = (fixedBits + 3 + 7) >>> 3;
    const smallestBytes = Math.min((dynamicBits + 3 + 7) >>> 3, fixedBytes);
    const flag = last ? 1 : 0;
    if (length + 4 <= smallestBytes && bytes !== undefined) {
      this.stored(bytes, last);
    } else if (fixedBytes === smallestBytes) {
      this.#out.put(2 + flag, 3);
      this.#symbols(fixedLiterals, fixedDistances);
    } else {
      this.#out.put(4 + flag, 3);
      this.#trees(runCodes);
      this.#symbols(this.#literals, this.#distances);
    }
    this.#clear();
    if (last) this.#out.align();
  }

  stored(bytes: Uint8Array, last: boolean): void {
    this.#out.put(last ? 1 : 0, 3);
    this.#out.align();
    this.#out.put(bytes.length, 16);
    this.#out.put(~bytes.length & 0xffff, 16);
    this.#out.bytes(bytes);
  }

  #clear(): void {
    this.#literals.frequencies.fill(0);
    this.#distances.frequencies.fill(0);
    this.#runs.frequencies.fill(0);
    this.#literals.frequencies[endOfBlock] = 1;
    this.#count = 0;
    this.#matches = 0;
    this.#covered = 0;
  }

  /** Builds the code of the run lengths; answers how many of its lengths are sent. */
  #planRuns(): number {
    const count = (code: number, times = 1) => {
      this.#runs.frequencies[code] = (this.#runs.frequencies[code] as number) + times;
    };
    for (const tree of [this.#literals, this.#distances]) {
      eachRun(tree, (length, times, before) => {
        if (times < (length === 0 ? 3 : length === before ? 3 : 4)) count(length, times);
        else if (length !== 0) {
          if (length !== before) count(length);
          count(16);
        } else {
          count(times <= 10 ? 17 : 18);
        }
      });
    }
    this.#runs.build();
    let last = 18;
    while (last >= 3 && this.#runs.lengths[codeLengthOrder[last] as number] === 0) last--;
    return last + 1;
  }

  #trees(runCodes: number): void {
    const out = this.#out;
    const { codes, lengths } = this.#runs;
    const send = (code: number) => out.put(codes[code] as number, lengths[code] as number);
    out.put(this.#literals.maxCode + 1 - 257, 5);
    out.put(this.#distances.maxCode, 5);
    out.put(runCodes - 4, 4);
    for (let i = 0; i < runCodes; i++) out.put(lengths[codeLengthOrder[i] as number] as number, 3);
    for (const tree of [this.#literals, this.#distances]) {
      eachRun(tree, (length, times, before) => {
        if (times < (length === 0 ? 3 : length === before ? 3 : 4)) {
          for (let i = 0; i < times; i++) send(length);
        } else if (length !== 0) {
          const repeated = length === before ? times : times - 1;
          if (length !== before) send(length);
          send(16);
          out.put(repeated - 3, 2);
        } else if (times <= 10) {
          send(17);
          out.put(times - 3, 3);
        } else {
          send(18);
          out.put(times - 11, 7);
        }
      });
    }
  }

  #symbols(literals: Code, distances: Code): void {
    const out = this.#out;
    const { codes, lengths } = literals;
    for (let i = 0; i < this.#count; i++) {
      const value = this.#values[i] as number;
      const reach = this.#reach[i] as number;
      if (reach === 0) {
        out.put(codes[value] as number, lengths[value] as number);
        continue;
      }
      const near = lengthCode[value] as number;
      out.put(codes[firstLengthCode + near] as number, lengths[firstLengthCode + near] as number);
      out.put(value - (lengthBase[near] as number), lengthExtraBits[near] as number);
      const far = distanceCode(reach - 1);
      out.put(distances.codes[far] as number, distances.lengths[far] as number);
      out.put(reach - 1 - (distanceBase[far] as number), distanceExtraBits[far] as number);
    }
    out.put(codes[endOfBlock] as number, lengths[endOfBlock] as number);
  }
}

/**
 * The runs of equal lengths as zlib cuts them: after a run, the next is at most 6 long when it repeats the same length,
 * 7 when it begins another, 138 for zeros. `before` is the length that the run before had, -1 at the start.
 */
function eachRun(tree: ZlibTree, visit: (length: number, times: number, before: number) => void): void {
  const { lengths, maxCode } = tree;
  let before = -1;
  let times = 0;
  const maxTimes = (length: number) => (length === 0 ? 138 : length === before ? 6 : 7);
  for (let symbol = 0; symbol <= maxCode; symbol++) {
    const length = lengths[symbol] as number;
    times++;
    if (times < maxTimes(length) && symbol < maxCode && lengths[symbol + 1] === length) continue;
    visit(length, times, before);
    times = 0;
    before = length;
  }
}

function fixedCode(lengths: Uint16Array): Code {
  const tree = { codes: new Uint16Array(lengths.length), lengths };
  let code = 0;
  for (let bits = 1; bits <= 9; bits++) {
    code <<= 1;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== bits) continue;
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) reversed |= ((code >>> bit) & 1) << (bits - 1 - bit);
      tree.codes[symbol] = reversed;
      code++;
    }
  }
  return tree;
}

const fixedLiterals = fixedCode(fixedLiteralLengths);
const fixedDistances = fixedCode(fixedDistanceLengths);
