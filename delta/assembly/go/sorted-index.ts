/** Finds the last of many sorted numbers that is not above a given one: a table of buckets, then halving inside one. */

const mostBuckets: u32 = 1 << 17;
const fewBuckets: u32 = 64;

/** Lives on the heap. */
@unmanaged
export class SortedIndex {
  /** Ascending 32-bit numbers; equal neighbours are allowed. */
  values: usize;
  count: u32;
  /** For each bucket the index of the first number in it or behind it; one more for the end. */
  buckets: usize;
  bucketCount: u32;
  /** A bucket holds numbers that differ in this number of low bits from the first one on. */
  shift: u32;
  first: u32;
}

/** @param values kept, not copied */
export function createIndex(values: usize, count: u32): SortedIndex {
  const index = changetype<SortedIndex>(heap.alloc(offsetof<SortedIndex>()));
  const first: u32 = count === 0 ? 0 : load<u32>(values);
  const span: u32 = count === 0 ? 0 : load<u32>(values + ((<usize>count - 1) << 2)) - first;
  const limit = min(max(count << 1, fewBuckets), mostBuckets);
  let shift: u32 = 0;
  while (span >>> shift >= limit) shift++;
  index.values = values;
  index.count = count;
  index.shift = shift;
  index.first = first;
  index.bucketCount = (span >>> shift) + 2;
  index.buckets = heap.alloc((<usize>index.bucketCount) << 2);
  fillBuckets(index);
  return index;
}

function fillBuckets(index: SortedIndex): void {
  const end = index.buckets + ((<usize>index.bucketCount) << 2);
  let next = index.buckets;
  for (let i: u32 = 0; i < index.count; i++) {
    const bucket = (load<u32>(index.values + ((<usize>i) << 2)) - index.first) >>> index.shift;
    const last = index.buckets + ((<usize>bucket) << 2);
    for (; next <= last; next += 4) store<u32>(next, i);
  }
  for (; next < end; next += 4) store<u32>(next, index.count);
}

/** Index of the last number <= `wanted`, or -1. */
export function lastNotAbove(index: SortedIndex, wanted: u32): i32 {
  const first = index.first;
  if (index.count === 0 || wanted < first) return -1;
  const bucket = (wanted - first) >>> index.shift;
  if (bucket + 1 >= index.bucketCount) return index.count - 1;
  const values = index.values;
  const at = index.buckets + ((<usize>bucket) << 2);
  let low: i32 = load<i32>(at) - 1;
  let high: i32 = load<i32>(at, 4);
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (load<u32>(values + ((<usize>middle) << 2)) <= wanted) low = middle;
    else high = middle;
  }
  return low;
}
