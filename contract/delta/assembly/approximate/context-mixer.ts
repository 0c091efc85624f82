/**
 * Predicts a symbol's bits from several contexts at once: each context has its own statistics, and a small online
 * logistic regression weighs them (Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression",
 * 2005). Integers only, so that every CPU computes the same probabilities.
 */
import { code } from './range-coder';

/** 65536 / (1 + e^-x) for x from -12 to 12 in steps of one half, rounded. */
const logisticPoints = memory.data<i32>([
  0, 1, 1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
  40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523,
  65528, 65531, 65533, 65534, 65535, 65535, 65536,
]);
/** Log odds are in 1/256, from -3071 to 3071. */
const maxLogOdds: i32 = 3071;
const leastProbability: i32 = 6;

/** Probability in 1/65536 of log odds -3071 to 3071, at index log odds + 3071: 16 bits each. */
const probabilities: usize = memory.data(2 * (2 * 3071 + 1), 16);
/** Log odds of a probability in 1/4096: 16 bits each. */
const logOdds: usize = memory.data(2 * 4096, 16);
/** 65536 / (n + 1.5): how far the n-th observation moves a statistic; 32 bits each. */
const countRates: usize = memory.data(4 * 256, 16);
fillTables();

function fillTables(): void {
  for (let x = -maxLogOdds; x <= maxLogOdds; x++) {
    const at = x + 3072;
    const low = load<i32>(logisticPoints + ((at >> 7) << 2));
    const high = load<i32>(logisticPoints + (((at >> 7) + 1) << 2));
    const value = low + (((high - low) * (at & 127)) >> 7);
    store<u16>(probabilities + ((x + maxLogOdds) << 1), min(max(value, leastProbability), 0x10000 - leastProbability));
  }
  let x = -maxLogOdds;
  for (let p = 0; p < 4096; p++) {
    while (x < maxLogOdds && <i32>load<u16>(probabilities + ((x + maxLogOdds) << 1)) < p * 16 + 8) x++;
    store<i16>(logOdds + (p << 1), x);
  }
  for (let n = 0; n < 256; n++) store<i32>(countRates + (n << 2), 131072 / (2 * n + 3));
}

const weightOne: i32 = 1 << 16;
const maxWeight: i32 = 1 << 19;
const mostInputs: i32 = 8;
const lineBytes: usize = 64;

/** Lives on the heap; every list of one number per input has `mostInputs` of them. */
@unmanaged
export class ContextMixer {
  inputs: i32;
  /** Lines per input, as a power of two. */
  lineBits: i32;
  countLimit: i32;
  /** Per slot a probability in 1/2^22 (high bits) and a count (low 10 bits), 16 a line, one input after another. */
  slots: usize;
  weights: usize;
  /** Address of each input's line for the nibble being coded: one cache line. */
  lines: usize;
  odds: usize;
  /** One hash per input: the caller's; all 32 bits count. */
  contexts: usize;
}

/**
 * @param tableBits statistics per input, as a power of two
 * @param weightSets one of which is selected for each bit
 * @param countLimit observations after which a statistic stops slowing down, up to 255
 */
export function allocateMixer(inputs: i32, tableBits: i32, weightSets: i32, countLimit: i32): ContextMixer {
  const mixer = changetype<ContextMixer>(heap.alloc(offsetof<ContextMixer>()));
  mixer.inputs = inputs;
  mixer.lineBits = tableBits - 4;
  mixer.countLimit = countLimit;
  mixer.contexts = heap.alloc(mostInputs << 2);
  mixer.lines = heap.alloc(mostInputs << 2);
  mixer.odds = heap.alloc(mostInputs << 2);
  const slots: usize = (<usize>inputs) << tableBits;
  mixer.slots = (heap.alloc((slots << 2) + lineBytes) + lineBytes - 1) & ~(lineBytes - 1);
  for (let at = mixer.slots; at < mixer.slots + (slots << 2); at += 16) store<v128>(at, i32x4.splat(1 << 31));
  mixer.weights = heap.alloc((weightSets * mostInputs) << 2);
  const weight = (weightOne * 5) / (4 * inputs);
  for (let i = 0; i < weightSets * mostInputs; i++) store<i32>(mixer.weights + (i << 2), weight);
  return mixer;
}

/** Codes a yes-or-no question in the contexts set; `weightSet` says which weights to use and to teach. */
export function codeMixedBit(mixer: ContextMixer, weightSet: i32, bit: i32): i32 {
  selectLines(mixer, 0);
  return codeAt(mixer, 1, weightSet, bit);
}

/** Codes a byte in the contexts set, the highest bit first, with 256 weight sets from `firstWeightSet` on. */
export function codeMixedByte(mixer: ContextMixer, firstWeightSet: i32, byte: i32): i32 {
  selectLines(mixer, 0);
  let node = 1;
  for (let i = 7; i > 3; i--) node = (node << 1) | codeAt(mixer, node, firstWeightSet + node, (byte >> i) & 1);
  selectLines(mixer, node);
  let low = 1;
  for (let i = 3; i >= 0; i--) {
    const coded = codeAt(mixer, low, firstWeightSet + node, (byte >> i) & 1);
    node = (node << 1) | coded;
    low = (low << 1) | coded;
  }
  return node & 0xff;
}

function selectLines(mixer: ContextMixer, prefix: u32): void {
  const salt = prefix * 0x2c1b3c6d;
  const lineBits = mixer.lineBits;
  const contexts = mixer.contexts;
  const lines = mixer.lines;
  let table = mixer.slots;
  for (let i = 0; i < mixer.inputs; i++) {
    const context = load<u32>(contexts + (i << 2));
    const hash = ((context + salt) ^ (context >>> 15)) * 0x297a2d39;
    store<usize>(lines + (i << 2), table + (((hash ^ (hash >>> 13)) >>> (32 - lineBits)) << 6));
    table += lineBytes << lineBits;
  }
}

/** Codes one bit; `node` is 1 for the first of a nibble, then twice the node plus the bit coded. */
function codeAt(mixer: ContextMixer, node: i32, weightSet: i32, bit: i32): i32 {
  const inputs = mixer.inputs;
  const lines = mixer.lines;
  const odds = mixer.odds;
  const weights = mixer.weights + ((weightSet * mostInputs) << 2);
  let sum = 0;
  for (let i = 0; i < inputs << 2; i += 4) {
    const slot = load<u32>(load<usize>(lines + i) + (node << 2));
    const odd: i32 = load<i16>(logOdds + ((slot >>> 20) << 1));
    store<i32>(odds + i, odd);
    sum += (odd * load<i32>(weights + i)) >> 13;
  }
  const mixed = min(max(sum >> 3, -maxLogOdds), maxLogOdds);
  const probability: i32 = load<u16>(probabilities + ((mixed + maxLogOdds) << 1));
  const coded = code(bit, probability);
  const error = (coded << 16) - probability;
  const target = coded !== 0 ? 0x3fffff : 0;
  for (let i = 0; i < inputs << 2; i += 4) {
    const taught = load<i32>(weights + i) + ((load<i32>(odds + i) * error + (1 << 14)) >> 15);
    store<i32>(weights + i, min(max(taught, -maxWeight), maxWeight));
    const at = load<usize>(lines + i) + (node << 2);
    const slot = load<u32>(at);
    const estimate = <i32>(slot >>> 10);
    const count = slot & 0x3ff;
    const moved = estimate + ((((target - estimate) >> 7) * load<i32>(countRates + (count << 2))) >> 9);
    store<u32>(at, ((<u32>moved) << 10) | (count < <u32>mixer.countLimit ? count + 1 : count));
  }
  return coded;
}
