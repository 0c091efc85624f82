/** Finds the last of many sorted numbers that is not above a given one: a table of buckets, then halving inside one. */

const maxBuckets = 1 << 17;

export class SortedIndex {
  readonly #values: Uint32Array;
  readonly #buckets: Uint32Array;
  readonly #shift: number;
  readonly #first: number;

  /** @param values ascending; equal neighbours are allowed; kept, not copied */
  constructor(values: Uint32Array) {
    this.#values = values;
    this.#first = values.length === 0 ? 0 : (values[0] as number);
    const span = values.length === 0 ? 0 : (values[values.length - 1] as number) - this.#first;
    let shift = 0;
    while (span >>> shift >= maxBuckets) shift++;
    this.#shift = shift;
    this.#buckets = new Uint32Array((span >>> shift) + 2);
    let bucket = 0;
    for (let i = 0; i < values.length; i++) {
      const last = ((values[i] as number) - this.#first) >>> shift;
      while (bucket <= last) this.#buckets[bucket++] = i;
    }
    while (bucket < this.#buckets.length) this.#buckets[bucket++] = values.length;
  }

  /** Index of the last value <= `wanted`, or -1. */
  last(wanted: number): number {
    const values = this.#values;
    if (values.length === 0 || wanted < this.#first) return -1;
    const bucket = (wanted - this.#first) >>> this.#shift;
    if (bucket + 1 >= this.#buckets.length) return values.length - 1;
    let low = (this.#buckets[bucket] as number) - 1;
    let high = this.#buckets[bucket + 1] as number;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((values[middle] as number) <= wanted) low = middle;
      else high = middle;
    }
    return low;
  }
}
