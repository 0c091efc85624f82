/**
 * Codes control values and run lengths by adaptive models of single bits and of numbers. Each bit has a probability
 * that is the mean of a fast and a slow estimate, two 16-bit words of a table.
 */
import { code, codePlainBits } from './range-coder';

const half: u16 = 0x8000;
const fastShift = 4;
const slowShift = 7;
const leastProbability: u32 = 24;

/** A table of that many adaptive bits, on the heap. */
export function allocateAdaptiveBits(contexts: i32): usize {
  const table = heap.alloc((<usize>contexts) << 2);
  for (let i = 0; i < contexts << 1; i++) store<u16>(table + ((<usize>i) << 1), half);
  return table;
}

export function codeAdaptiveBit(table: usize, context: i32, bit: i32): i32 {
  const at = table + ((<usize>context) << 2);
  const fast: u32 = load<u16>(at);
  const slow: u32 = load<u16>(at, 2);
  const probability = min(max((fast + slow) >>> 1, leastProbability), 0x10000 - leastProbability);
  const coded = code(bit, probability);
  if (coded !== 0) {
    store<u16>(at, fast + ((0xffff - fast) >> fastShift));
    store<u16>(at, slow + ((0xffff - slow) >> slowShift), 2);
  } else {
    store<u16>(at, fast - (fast >> fastShift));
    store<u16>(at, slow - (slow >> slowShift), 2);
  }
  return coded;
}

/** Statistics of numbers in that many contexts, on the heap. */
export function allocateNumbers(contexts: i32): usize {
  return allocateAdaptiveBits(contexts << 8);
}

/**
 * A number from 0 to 2^32 - 2 in Elias-gamma form: the count of bits by a tree of adaptive bits, the two bits below
 * the leading one adaptive, the rest plain.
 */
export function codeNumber(numbers: usize, context: i32, number: u32): u32 {
  const base = context << 8;
  const plusOne = number + 1;
  const size = 31 - <i32>clz(plusOne);
  let node = 1;
  for (let i = 4; i >= 0; i--) node = (node << 1) | codeAdaptiveBit(numbers, base + node, (size >> i) & 1);
  const codedSize = node & 31;
  let result: u32 = 1;
  let low = codedSize;
  for (let i = 0; i < 2 && low > 0; i++) {
    low--;
    const slot = base + 64 + (codedSize << 2) + <i32>result;
    result = (result << 1) | <u32>codeAdaptiveBit(numbers, slot, (plusOne >>> low) & 1);
  }
  // No shift by 32: `low` is at most 29.
  return ((result << low) | codePlainBits(plusOne, low)) - 1;
}
