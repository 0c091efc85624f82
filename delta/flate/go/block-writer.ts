/**
 * Writes blocks of tokens as Go's huffman_bit_writer.go does: the same choice between stored, fixed and dynamic, the
 * same run-length code of the code lengths. Ported from Go 1.19 (BSD licence, The Go Authors; see ../LICENSE-go.txt).
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
  reverseBits,
} from '../length-and-distance.ts';
import { GoHuffmanCode } from './huffman-code.ts';

/** A literal is its byte; a match is `matchToken | (length - 3) << 22 | (distance - 1)`. */
export const matchToken = 1 << 30;
export const maxStoredBytes = 65535;

const badCode = 255;
const fixedLiterals = new GoHuffmanCode(literalCodes);
const fixedDistances = new GoHuffmanCode(distanceCodes);
/** The distance code of blocks without matches: one symbol of one bit. */
const lonelyDistance = new GoHuffmanCode(distanceCodes);

export class GoBlockWriter {
  readonly #out: BitWriter;
  readonly #literalFrequencies = new Int32Array(literalCodes);
  readonly #distanceFrequencies = new Int32Array(distanceCodes);
  readonly #runFrequencies = new Int32Array(19);
  /** Run-length coded code lengths (RFC 1951 3.2.7), ended by badCode. */
  readonly #runs = new Uint8Array(literalCodes + distanceCodes + 1);
  readonly #literals = new GoHuffmanCode(literalCodes);
  readonly #distances = new GoHuffmanCode(distanceCodes);
  readonly #runCode = new GoHuffmanCode(19);

  constructor(out: BitWriter) {
    this.#out = out;
  }

  stored(bytes: Uint8Array): void {
    this.storedHeader(bytes.length, false);
    this.#out.bytes(bytes);
  }

  storedHeader(length: number, last: boolean): void {
    this.#out.put(last ? 1 : 0, 3);
    this.#out.align();
    this.#out.put(length, 16);
    this.#out.put(~length & 0xffff, 16);
  }

  /** The smallest of dynamic, fixed and, when the block's own bytes are still there, stored. */
  smallest(tokens: Uint32Array, bytes: Uint8Array | undefined): void {
    const [literals, distances] = this.#index(tokens);
    const storable = bytes !== undefined && bytes.length <= maxStoredBytes;
    let extraBits = 0;
    if (storable) {
      for (let code = firstLengthCode + 8; code < literals; code++) {
        extraBits += (this.#literalFrequencies[code] as number) * (lengthExtraBits[code - firstLengthCode] as number);
      }
      for (let code = 4; code < distances; code++) {
        extraBits += (this.#distanceFrequencies[code] as number) * (distanceExtraBits[code] as number);
      }
    }
    const fixedBits =
      3 +
      fixedLiterals.bitLength(this.#literalFrequencies) +
      fixedDistances.bitLength(this.#distanceFrequencies) +
      extraBits;
    this.#planRuns(literals, distances, this.#literals, this.#distances);
    const { bits: dynamicBits, runCodes } = this.#dynamicSize(this.#literals, this.#distances, extraBits);
    if (storable && (bytes.length + 5) * 8 < Math.min(fixedBits, dynamicBits)) {
      this.stored(bytes);
    } else if (dynamicBits < fixedBits) {
      this.#dynamicHeader(literals, distances, runCodes);
      this.#tokens(tokens, this.#literals, this.#distances);
    } else {
      this.#out.put(2, 3);
      this.#tokens(tokens, fixedLiterals, fixedDistances);
    }
  }

  /** Dynamic, or stored when that saves less than a sixteenth. */
  dynamic(tokens: Uint32Array, bytes: Uint8Array): void {
    const [literals, distances] = this.#index(tokens);
    this.#planRuns(literals, distances, this.#literals, this.#distances);
    const { bits, runCodes } = this.#dynamicSize(this.#literals, this.#distances, 0);
    if (worthStoring(bytes, bits)) {
      this.stored(bytes);
      return;
    }
    this.#dynamicHeader(literals, distances, runCodes);
    this.#tokens(tokens, this.#literals, this.#distances);
  }

  /** Every byte a literal, or stored when that saves less than a sixteenth. */
  huffmanOnly(bytes: Uint8Array): void {
    const frequencies = this.#literalFrequencies.fill(0);
    for (let i = 0; i < bytes.length; i++) (frequencies[bytes[i] as number] as number)++;
    frequencies[endOfBlock] = 1;
    this.#distanceFrequencies[0] = 1;
    this.#literals.generate(frequencies, 15);
    this.#planRuns(endOfBlock + 1, 1, this.#literals, lonelyDistance);
    const { bits, runCodes } = this.#dynamicSize(this.#literals, lonelyDistance, 0);
    if (worthStoring(bytes, bits)) {
      this.stored(bytes);
      return;
    }
    this.#dynamicHeader(endOfBlock + 1, 1, runCodes);
    const { codes, lengths } = this.#literals;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      this.#out.put(codes[byte] as number, lengths[byte] as number);
    }
    this.#out.put(codes[endOfBlock] as number, lengths[endOfBlock] as number);
  }

  /** Counts the tokens, builds both codes; answers how many literal and distance codes are sent. */
  #index(tokens: Uint32Array): [number, number] {
    const literalFrequencies = this.#literalFrequencies.fill(0);
    const distanceFrequencies = this.#distanceFrequencies.fill(0);
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] as number;
      if (token < matchToken) {
        (literalFrequencies[token] as number)++;
      } else {
        (literalFrequencies[firstLengthCode + (lengthCode[(token >>> 22) & 255] as number)] as number)++;
        (distanceFrequencies[distanceCode(token & 0x3fffff)] as number)++;
      }
    }
    literalFrequencies[endOfBlock] = 1;
    let literals = literalCodes;
    while (literalFrequencies[literals - 1] === 0) literals--;
    let distances = distanceCodes;
    while (distances > 0 && distanceFrequencies[distances - 1] === 0) distances--;
    if (distances === 0) {
      // One distance code must be sent even when none is used.
      distanceFrequencies[0] = 1;
      distances = 1;
    }
    this.#literals.generate(literalFrequencies, 15);
    this.#distances.generate(distanceFrequencies, 15);
    return [literals, distances];
  }

  #planRuns(literals: number, distances: number, literalCode: GoHuffmanCode, distanceCode: GoHuffmanCode): void {
    const frequencies = this.#runFrequencies.fill(0);
    const runs = this.#runs;
    runs.set(literalCode.lengths.subarray(0, literals));
    runs.set(distanceCode.lengths.subarray(0, distances), literals);
    runs[literals + distances] = badCode;

    let out = 0;
    const use = (code: number) => {
      runs[out++] = code;
      (frequencies[code] as number)++;
    };
    const repeat = (code: number, times: number) => {
      use(code);
      runs[out++] = times;
    };
    // The output never overtakes the input: both share one array.
    for (let input = 1, size = runs[0] as number, count = 1; size !== badCode; input++) {
      const next = runs[input] as number;
      if (next === size) {
        count++;
        continue;
      }
      if (size !== 0) {
        use(size);
        count--;
        while (count >= 3) {
          const times = Math.min(6, count);
          repeat(16, times - 3);
          count -= times;
        }
      } else {
        while (count >= 11) {
          const times = Math.min(138, count);
          repeat(18, times - 11);
          count -= times;
        }
        if (count >= 3) {
          repeat(17, count - 3);
          count = 0;
        }
      }
      for (; count > 0; count--) use(size);
      size = next;
      count = 1;
    }
    runs[out] = badCode;
    this.#runCode.generate(frequencies, 7);
  }

  #dynamicSize(literalCode: GoHuffmanCode, distanceCode: GoHuffmanCode, extraBits: number) {
    const frequencies = this.#runFrequencies;
    let runCodes = 19;
    while (runCodes > 4 && frequencies[codeLengthOrder[runCodes - 1] as number] === 0) runCodes--;
    const bits =
      3 +
      5 +
      5 +
      4 +
      3 * runCodes +
      this.#runCode.bitLength(frequencies) +
      (frequencies[16] as number) * 2 +
      (frequencies[17] as number) * 3 +
      (frequencies[18] as number) * 7 +
      literalCode.bitLength(this.#literalFrequencies) +
      distanceCode.bitLength(this.#distanceFrequencies) +
      extraBits;
    return { bits, runCodes };
  }

  #dynamicHeader(literals: number, distances: number, runCodes: number): void {
    const out = this.#out;
    out.put(4, 3);
    out.put(literals - 257, 5);
    out.put(distances - 1, 5);
    out.put(runCodes - 4, 4);
    for (let i = 0; i < runCodes; i++) out.put(this.#runCode.lengths[codeLengthOrder[i] as number] as number, 3);
    for (let i = 0; ; ) {
      const code = this.#runs[i++] as number;
      if (code === badCode) return;
      out.put(this.#runCode.codes[code] as number, this.#runCode.lengths[code] as number);
      if (code >= 16) out.put(this.#runs[i++] as number, code === 16 ? 2 : code === 17 ? 3 : 7);
    }
  }

  #tokens(tokens: Uint32Array, literalCode: GoHuffmanCode, distanceCodeOf: GoHuffmanCode): void {
    const out = this.#out;
    const { codes, lengths } = literalCode;
    const { codes: farCodes, lengths: farLengths } = distanceCodeOf;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] as number;
      if (token < matchToken) {
        out.put(codes[token] as number, lengths[token] as number);
        continue;
      }
      const length = (token >>> 22) & 255;
      const near = lengthCode[length] as number;
      out.put(codes[firstLengthCode + near] as number, lengths[firstLengthCode + near] as number);
      out.put(length - (lengthBase[near] as number), lengthExtraBits[near] as number);
      const distance = token & 0x3fffff;
      const far = distanceCode(distance);
      out.put(farCodes[far] as number, farLengths[far] as number);
      out.put(distance - (distanceBase[far] as number), distanceExtraBits[far] as number);
    }
    out.put(codes[endOfBlock] as number, lengths[endOfBlock] as number);
  }
}

function worthStoring(bytes: Uint8Array, bits: number): boolean {
  return bytes.length <= maxStoredBytes && (bytes.length + 5) * 8 < bits + (bits >> 4);
}

function fillFixedCodes(): void {
  const set = (code: GoHuffmanCode, symbol: number, bits: number, length: number) => {
    code.codes[symbol] = reverseBits(bits, length);
    code.lengths[symbol] = length;
  };
  for (let symbol = 0; symbol < literalCodes; symbol++) {
    if (symbol < 144) set(fixedLiterals, symbol, symbol + 48, 8);
    else if (symbol < 256) set(fixedLiterals, symbol, symbol + 400 - 144, 9);
    else if (symbol < 280) set(fixedLiterals, symbol, symbol - 256, 7);
    else set(fixedLiterals, symbol, symbol + 192 - 280, 8);
  }
  for (let symbol = 0; symbol < distanceCodes; symbol++) set(fixedDistances, symbol, symbol, 5);
  set(lonelyDistance, 0, 0, 1);
}
fillFixedCodes();
