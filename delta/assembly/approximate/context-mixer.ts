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
  const offset: usize = node << 2;
  const weights = mixer.weights + ((weightSet * mostInputs) << 2);
  // Inputs 0 to 3 and 4 to 7 side by side; odds of 0 take no part and teach nothing.
  const at0 = load<usize>(lines) + offset;
  const at1 = load<usize>(lines, 4) + offset;
  const at2 = load<usize>(lines, 8) + offset;
  const at3 = load<usize>(lines, 12) + offset;
  const at4 = load<usize>(lines, 16) + offset;
  const slots = i32x4(load<i32>(at0), load<i32>(at1), load<i32>(at2), load<i32>(at3));
  let moreSlots = i32x4.replace_lane(i32x4.splat(0), 0, load<i32>(at4));
  const odds = i32x4(oddsAt(at0), oddsAt(at1), oddsAt(at2), oddsAt(at3));
  let moreOdds = i32x4.replace_lane(i32x4.splat(0), 0, oddsAt(at4));
  let at5: usize = 0;
  let at6: usize = 0;
  if (inputs > 5) {
    at5 = load<usize>(lines, 20) + offset;
    moreSlots = i32x4.replace_lane(moreSlots, 1, load<i32>(at5));
    moreOdds = i32x4.replace_lane(moreOdds, 1, oddsAt(at5));
    if (inputs > 6) {
      at6 = load<usize>(lines, 24) + offset;
      moreSlots = i32x4.replace_lane(moreSlots, 2, load<i32>(at6));
      moreOdds = i32x4.replace_lane(moreOdds, 2, oddsAt(at6));
    }
  }
  const weight = v128.load(weights);
  const moreWeight = v128.load(weights, 16);
  const products = i32x4.add(
    i32x4.shr_s(i32x4.mul(odds, weight), 13),
    i32x4.shr_s(i32x4.mul(moreOdds, moreWeight), 13),
  );
  const halves = i32x4.add(products, i32x4.shuffle(products, products, 2, 3, 0, 1));
  const sum = i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1);
  const mixed = min(max(sum >> 3, -maxLogOdds), maxLogOdds);
  const probability: i32 = load<u16>(probabilities + ((mixed + maxLogOdds) << 1));
  const coded = code(bit, probability);
  const error = i32x4.splat((coded << 16) - probability);
  v128.store(weights, taught(weight, odds, error));
  v128.store(weights, taught(moreWeight, moreOdds, error), 16);
  const target = i32x4.splat(coded !== 0 ? 0x3fffff : 0);
  const limit = i32x4.splat(mixer.countLimit);
  const learnt = observed(slots, target, limit);
  store<i32>(at0, i32x4.extract_lane(learnt, 0));
  store<i32>(at1, i32x4.extract_lane(learnt, 1));
  store<i32>(at2, i32x4.extract_lane(learnt, 2));
  store<i32>(at3, i32x4.extract_lane(learnt, 3));
  const moreLearnt = observed(moreSlots, target, limit);
  store<i32>(at4, i32x4.extract_lane(moreLearnt, 0));
  if (inputs > 5) {
    store<i32>(at5, i32x4.extract_lane(moreLearnt, 1));
    if (inputs > 6) store<i32>(at6, i32x4.extract_lane(moreLearnt, 2));
  }
  return coded;
}

/** Log odds of the statistic at an address. */
function oddsAt(slot: usize): i32 {
  return load<i16>(logOdds + ((load<u32>(slot) >>> 20) << 1));
}

/** Weights after a bit that came with that error, in 1/65536. */
function taught(weights: v128, odds: v128, error: v128): v128 {
  const step = i32x4.shr_s(i32x4.add(i32x4.mul(odds, error), i32x4.splat(1 << 14)), 15);
  return i32x4.max_s(i32x4.min_s(i32x4.add(weights, step), i32x4.splat(maxWeight)), i32x4.splat(-maxWeight));
}

/** Statistics after a bit, each moved towards it by the rate of its count. */
function observed(slots: v128, target: v128, limit: v128): v128 {
  const estimates = i32x4.shr_u(slots, 10);
  const counts = v128.and(slots, i32x4.splat(0x3ff));
  const rates = i32x4(
    rateOf(i32x4.extract_lane(counts, 0)),
    rateOf(i32x4.extract_lane(counts, 1)),
    rateOf(i32x4.extract_lane(counts, 2)),
    rateOf(i32x4.extract_lane(counts, 3)),
  );
  const steps = i32x4.shr_s(i32x4.mul(i32x4.shr_s(i32x4.sub(target, estimates), 7), rates), 9);
  // A comparison that holds is -1.
  const counted = i32x4.sub(counts, i32x4.lt_s(counts, limit));
  return v128.or(i32x4.shl(i32x4.add(estimates, steps), 10), counted);
}

function rateOf(count: i32): i32 {
  return load<i32>(countRates + (count << 2));
}
