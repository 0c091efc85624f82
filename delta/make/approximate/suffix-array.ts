/**
 * Sorts the suffixes of a file by induced sorting (SA-IS: Nong, Zhang, Chan, "Two Efficient Algorithms for Linear Time
 * Suffix Array Construction", 2011; arranged as in Yuta Mori's sais). Time is linear; memory is the result (4 bytes a
 * byte of input) and, one level down, two counters a distinct name.
 */

type Text = Uint8Array | Int32Array;

/** `result[i]` is the start of the i-th smallest suffix of `text`; a suffix sorts before its extensions. */
export function suffixArray(text: Uint8Array): Int32Array {
  const suffixes = new Int32Array(text.length);
  if (text.length > 0) sortSuffixes(text, suffixes, 256);
  return suffixes;
}

/**
 * Sorts the suffixes of `text`, whose symbols are below `alphabet`, into the first `text.length` places of
 * `suffixes`. The reduced text of the next level lives in the unused end of `suffixes`.
 */
function sortSuffixes(text: Text, suffixes: Int32Array, alphabet: number): void {
  const counts = new Int32Array(alphabet);
  for (let i = 0; i < text.length; i++) {
    const symbol = text[i] as number;
    counts[symbol] = (counts[symbol] as number) + 1;
  }
  const buckets = new Int32Array(alphabet);
  const found = sortFoundSuffixes(text, suffixes, counts, buckets);
  if (found > 1) spreadToBuckets(text, suffixes, counts, buckets, found);
  induceSuffixes(text, suffixes, counts, buckets);
}

/** Leaves the sorted leftmost-S suffixes in the first places of `suffixes`; returns how many there are. */
function sortFoundSuffixes(text: Text, suffixes: Int32Array, counts: Int32Array, buckets: Int32Array): number {
  const n = text.length;
  suffixes.fill(0, 0, n);
  bucketEnds(counts, buckets);
  let found = 0;
  let slot = -1;
  let previous = n;
  forEachLeftmostS(text, (position) => {
    if (slot >= 0) suffixes[slot] = previous;
    const symbol = text[position] as number;
    slot = (buckets[symbol] as number) - 1;
    buckets[symbol] = slot;
    previous = position - 1;
    found++;
  });
  if (found === 1) suffixes[slot] = previous + 1;
  if (found <= 1) return found;
  induceSubstrings(text, suffixes, counts, buckets);
  const names = nameSubstrings(text, suffixes, found);
  if (names < found) {
    const reduced = suffixes.subarray(n - found, n);
    for (let i = found + (n >> 1) - 1, j = found - 1; i >= found; i--) {
      const name = suffixes[i] as number;
      if (name !== 0) reduced[j--] = name - 1;
    }
    sortSuffixes(reduced, suffixes, names);
    let next = found - 1;
    forEachLeftmostS(text, (position) => {
      reduced[next--] = position;
    });
    for (let i = 0; i < found; i++) suffixes[i] = reduced[suffixes[i] as number] as number;
  }
  return found;
}

/**
 * Calls `visit` with each position whose suffix is smaller than its successor but not its predecessor, right to left.
 */
function forEachLeftmostS(text: Text, visit: (position: number) => void): void {
  let i = text.length - 1;
  let before = text[i] as number;
  let after = before;
  do {
    after = before;
    i--;
    if (i >= 0) before = text[i] as number;
  } while (i >= 0 && before >= after);
  while (i >= 0) {
    do {
      after = before;
      i--;
      if (i >= 0) before = text[i] as number;
    } while (i >= 0 && before <= after);
    if (i < 0) return;
    visit(i + 1);
    do {
      after = before;
      i--;
      if (i >= 0) before = text[i] as number;
    } while (i >= 0 && before >= after);
  }
}

/**
 * From the first symbols of the leftmost-S substrings to their order. Entries are one less than the position they
 * stand for; a complement marks an entry that the pass in this direction must not extend.
 */
function induceSubstrings(text: Text, suffixes: Int32Array, counts: Int32Array, buckets: Int32Array): void {
  const n = text.length;
  bucketStarts(counts, buckets);
  let symbol = text[n - 1] as number;
  let slot = buckets[symbol] as number;
  suffixes[slot++] = (text[n - 2] as number) < symbol ? ~(n - 2) : n - 2;
  for (let i = 0; i < n; i++) {
    const entry = suffixes[i] as number;
    if (entry > 0) {
      const first = text[entry] as number;
      if (first !== symbol) {
        buckets[symbol] = slot;
        symbol = first;
        slot = buckets[symbol] as number;
      }
      suffixes[slot++] = (text[entry - 1] as number) < symbol ? ~(entry - 1) : entry - 1;
      suffixes[i] = 0;
    } else if (entry < 0) {
      suffixes[i] = ~entry;
    }
  }
  bucketEnds(counts, buckets);
  symbol = 0;
  slot = buckets[0] as number;
  for (let i = n - 1; i >= 0; i--) {
    const entry = suffixes[i] as number;
    if (entry > 0) {
      const first = text[entry] as number;
      if (first !== symbol) {
        buckets[symbol] = slot;
        symbol = first;
        slot = buckets[symbol] as number;
      }
      suffixes[--slot] = (text[entry - 1] as number) > symbol ? ~entry : entry - 1;
      suffixes[i] = 0;
    }
  }
}

/**
 * Moves the `found` sorted substrings to the front and writes their names (ranks from 1, equal substrings alike) at
 * `found + position / 2`; the rest of the array is zero. Returns the highest name.
 */
function nameSubstrings(text: Text, suffixes: Int32Array, found: number): number {
  const n = text.length;
  for (let i = 0, kept = 0; kept < found; i++) {
    const entry = suffixes[i] as number;
    if (entry >= 0) continue;
    suffixes[i] = 0;
    suffixes[kept++] = ~entry;
  }
  let end = n;
  forEachLeftmostS(text, (position) => {
    suffixes[found + (position >> 1)] = end - position;
    end = position + 1;
  });
  let name = 0;
  let other = n;
  let otherLength = 0;
  for (let i = 0; i < found; i++) {
    const position = suffixes[i] as number;
    const slot = found + (position >> 1);
    const length = suffixes[slot] as number;
    if (length !== otherLength || !sameSymbols(text, position, other, length)) {
      name++;
      other = position;
      otherLength = length;
    }
    suffixes[slot] = name;
  }
  return name;
}

function sameSymbols(text: Text, a: number, b: number, length: number): boolean {
  if (b + length >= text.length) return false;
  for (let k = 0; k < length; k++) if (text[a + k] !== text[b + k]) return false;
  return true;
}

/** Moves the sorted leftmost-S suffixes from the front to the ends of their buckets; every other place becomes 0. */
function spreadToBuckets(
  text: Text,
  suffixes: Int32Array,
  counts: Int32Array,
  buckets: Int32Array,
  found: number,
): void {
  bucketEnds(counts, buckets);
  let free = text.length;
  let i = found - 1;
  while (i >= 0) {
    const symbol = text[suffixes[i] as number] as number;
    const end = buckets[symbol] as number;
    suffixes.fill(0, end, free);
    free = end;
    for (; i >= 0 && text[suffixes[i] as number] === symbol; i--) suffixes[--free] = suffixes[i] as number;
  }
  suffixes.fill(0, 0, free);
}

/** From the sorted leftmost-S suffixes at the ends of their buckets to all suffixes. */
function induceSuffixes(text: Text, suffixes: Int32Array, counts: Int32Array, buckets: Int32Array): void {
  const n = text.length;
  bucketStarts(counts, buckets);
  let symbol = text[n - 1] as number;
  let slot = buckets[symbol] as number;
  suffixes[slot++] = n > 1 && (text[n - 2] as number) < symbol ? ~(n - 1) : n - 1;
  for (let i = 0; i < n; i++) {
    const entry = suffixes[i] as number;
    suffixes[i] = ~entry;
    if (entry > 0) {
      const before = entry - 1;
      const first = text[before] as number;
      if (first !== symbol) {
        buckets[symbol] = slot;
        symbol = first;
        slot = buckets[symbol] as number;
      }
      suffixes[slot++] = before > 0 && (text[before - 1] as number) < symbol ? ~before : before;
    }
  }
  bucketEnds(counts, buckets);
  symbol = 0;
  slot = buckets[0] as number;
  for (let i = n - 1; i >= 0; i--) {
    const entry = suffixes[i] as number;
    if (entry > 0) {
      const before = entry - 1;
      const first = text[before] as number;
      if (first !== symbol) {
        buckets[symbol] = slot;
        symbol = first;
        slot = buckets[symbol] as number;
      }
      suffixes[--slot] = before === 0 || (text[before - 1] as number) > symbol ? ~before : before;
    } else {
      suffixes[i] = ~entry;
    }
  }
}

function bucketStarts(counts: Int32Array, buckets: Int32Array): void {
  let sum = 0;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    buckets[symbol] = sum;
    sum += counts[symbol] as number;
  }
}

function bucketEnds(counts: Int32Array, buckets: Int32Array): void {
  let sum = 0;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    sum += counts[symbol] as number;
    buckets[symbol] = sum;
  }
}
