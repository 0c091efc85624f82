/**
 * Predicts a symbol's bits from several contexts at once: each context has its own statistics, and a small online
 * logistic regression weighs them (Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression",
 * 2005). Integers only, so that every CPU computes the same probabilities.
 */
import type { BitCoder } from './bit-coder.ts';

/** 65536 / (1 + e^-x) for x from -12 to 12 in steps of one half, rounded. */
const logisticPoints = [
  0, 1, 1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
  40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523,
  65528, 65531, 65533, 65534, 65535, 65535, 65536,
];
/** Log odds are in 1/256, from -3071 to 3071. */
const maxLogOdds = 3071;
const leastProbability = 6;

/** Probability in 1/65536 of log odds -3071 to 3071, at index log odds + 3071. */
const probabilities = new Uint16Array(2 * maxLogOdds + 1);
/** Log odds of a probability in 1/4096. */
const logOdds = new Int16Array(4096);
fillTables();

function fillTables(): void {
  for (let x = -maxLogOdds; x <= maxLogOdds; x++) {
    const at = x + 3072;
    const low = logisticPoints[at >> 7] as number;
    const high = logisticPoints[(at >> 7) + 1] as number;
    const value = low + (((high - low) * (at & 127)) >> 7);
    probabilities[x + maxLogOdds] = Math.min(Math.max(value, leastProbability), 0x10000 - leastProbability);
  }
  let x = -maxLogOdds;
  for (let p = 0; p < 4096; p++) {
    while (x < maxLogOdds && (probabilities[x + maxLogOdds] as number) < p * 16 + 8) x++;
    logOdds[p] = x;
  }
}

/** 65536 / (n + 1.5): how far the n-th observation moves a statistic. */
const countRates = Int32Array.from({ length: 256 }, (_, n) => Math.floor(131072 / (2 * n + 3)));

const weightOne = 1 << 16;
const maxWeight = 1 << 19;

export interface MixerShape {
  /** Contexts per symbol. */
  readonly inputs: number;
  /** Statistics per context, as a power of two. */
  readonly tableBits: number;
  /** Weight sets, one of which is selected for each bit. */
  readonly weightSets: number;
  /** Observations after which a statistic stops slowing down, up to 255. */
  readonly countLimit: number;
}

export class ContextMixer {
  /** The caller puts one hash per context here before a symbol; all 32 bits count. */
  readonly contexts: Int32Array;
  readonly #inputs: number;
  readonly #tableBits: number;
  readonly #countLimit: number;
  /** Per slot a probability in 1/2^22 (high bits) and a count (low 10 bits), one table after another. */
  readonly #slots: Int32Array;
  readonly #weights: Int32Array;
  /** First slot of each context's 16 for the nibble being coded; together they are one cache line. */
  readonly #lines: Int32Array;
  readonly #odds: Int32Array;

  constructor(shape: MixerShape) {
    this.contexts = new Int32Array(shape.inputs);
    this.#inputs = shape.inputs;
    this.#tableBits = shape.tableBits;
    this.#countLimit = shape.countLimit;
    this.#slots = new Int32Array(shape.inputs << shape.tableBits).fill((1 << 31) | 0);
    this.#weights = new Int32Array(shape.inputs * shape.weightSets).fill(
      Math.floor((weightOne * 5) / (4 * shape.inputs)),
    );
    this.#lines = new Int32Array(shape.inputs);
    this.#odds = new Int32Array(shape.inputs);
  }

  /** Codes a yes-or-no question in the contexts set; `weightSet` says which weights to use and to teach. */
  codeBit(coder: BitCoder, weightSet: number, bit: number): number {
    this.#selectLines(0);
    return this.#code(coder, 1, weightSet, bit);
  }

  /** Codes a byte in the contexts set, the highest bit first, with 256 weight sets from `firstWeightSet` on. */
  codeByte(coder: BitCoder, firstWeightSet: number, byte: number): number {
    this.#selectLines(0);
    let node = 1;
    for (let i = 7; i > 3; i--) node = (node << 1) | this.#code(coder, node, firstWeightSet + node, (byte >>> i) & 1);
    this.#selectLines(node);
    let low = 1;
    for (let i = 3; i >= 0; i--) {
      const coded = this.#code(coder, low, firstWeightSet + node, (byte >>> i) & 1);
      node = (node << 1) | coded;
      low = (low << 1) | coded;
    }
    return node & 0xff;
  }

  #selectLines(prefix: number): void {
    const salt = Math.imul(prefix, 0x2c1b3c6d);
    const lineBits = this.#tableBits - 4;
    for (let i = 0; i < this.#inputs; i++) {
      const hash = Math.imul(((this.contexts[i] as number) + salt) ^ ((this.contexts[i] as number) >>> 15), 0x297a2d39);
      this.#lines[i] = ((i << lineBits) + ((hash ^ (hash >>> 13)) >>> (32 - lineBits))) << 4;
    }
  }

  /** Codes one bit; `node` is 1 for the first of a nibble, then twice the node plus the bit coded. */
  #code(coder: BitCoder, node: number, weightSet: number, bit: number): number {
    const inputs = this.#inputs;
    const slots = this.#slots;
    const weights = this.#weights;
    const lines = this.#lines;
    const odds = this.#odds;
    const firstWeight = weightSet * inputs;
    let sum = 0;
    for (let i = 0; i < inputs; i++) {
      const odd = logOdds[(slots[(lines[i] as number) + node] as number) >>> 20] as number;
      odds[i] = odd;
      sum += Math.imul(odd, weights[firstWeight + i] as number) >> 13;
    }
    const mixed = sum >> 3;
    const clipped = mixed > maxLogOdds ? maxLogOdds : mixed < -maxLogOdds ? -maxLogOdds : mixed;
    const probability = probabilities[clipped + maxLogOdds] as number;
    const coded = coder.code(bit, probability);
    const error = (coded << 16) - probability;
    const target = coded === 1 ? 0x3fffff : 0;
    for (let i = 0; i < inputs; i++) {
      const at = firstWeight + i;
      const taught = (weights[at] as number) + ((Math.imul(odds[i] as number, error) + (1 << 14)) >> 15);
      weights[at] = taught > maxWeight ? maxWeight : taught < -maxWeight ? -maxWeight : taught;
      const place = (lines[i] as number) + node;
      const slot = slots[place] as number;
      const estimate = slot >>> 10;
      const count = slot & 0x3ff;
      const moved = estimate + (Math.imul((target - estimate) >> 7, countRates[count] as number) >> 9);
      slots[place] = (moved << 10) | (count < this.#countLimit ? count + 1 : count);
    }
    return coded;
  }
}
