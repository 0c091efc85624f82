/**
 * Finds which stretches of a function's old code are still there in its new code, and where. Addresses and distances
 * inside instructions are masked out first, so only what was compiled differently counts.
 */

export interface Stretch {
  readonly oldStart: number;
  readonly newStart: number;
  readonly length: number;
}

/** Bytes that must agree before two places count as the same. */
const anchorBytes = 8;
/** How far ahead in the new code the next common stretch is looked for. */
const maxInserted = 4096;
/** Places of one anchor in the old code that are tried. */
const maxPlaces = 32;

/**
 * @param unit instructions begin at multiples of it: 1 on amd64, 4 on arm64
 * @returns stretches in ascending order of both starts; they do not overlap
 */
export function alignCode(old: Uint8Array, new_: Uint8Array, unit: number): Stretch[] {
  const stretches: Stretch[] = [];
  let anchors: Map<number, number[]> | undefined;
  let i = 0;
  let j = 0;
  while (i < old.length && j < new_.length) {
    const length = commonLength(old, i, new_, j, unit);
    if (length > 0) stretches.push({ oldStart: i, newStart: j, length });
    i += length;
    j += length;
    if (i >= old.length || j >= new_.length) break;
    anchors ??= indexAnchors(old, unit);
    const next = findNext(anchors, old, i, new_, j, unit);
    if (next === undefined) break;
    i = next.old;
    j = next.new;
  }
  return stretches;
}

function commonLength(old: Uint8Array, i: number, new_: Uint8Array, j: number, unit: number): number {
  const limit = Math.min(old.length - i, new_.length - j);
  let length = 0;
  while (length < limit && old[i + length] === new_[j + length]) length++;
  return length - (length % unit);
}

function indexAnchors(code: Uint8Array, unit: number): Map<number, number[]> {
  const anchors = new Map<number, number[]>();
  for (let at = 0; at + anchorBytes <= code.length; at += unit) {
    const key = anchorAt(code, at);
    const places = anchors.get(key);
    if (places === undefined) anchors.set(key, [at]);
    else if (places.length < 4 * maxPlaces) places.push(at);
  }
  return anchors;
}

/** The next common place: the one that skips the fewest bytes of both. */
function findNext(
  anchors: Map<number, number[]>,
  old: Uint8Array,
  i: number,
  new_: Uint8Array,
  j: number,
  unit: number,
): { old: number; new: number } | undefined {
  let best: { old: number; new: number } | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  const end = Math.min(new_.length - anchorBytes, j + maxInserted);
  for (let at = j; at <= end && at - j < fewest; at += unit) {
    const places = anchors.get(anchorAt(new_, at));
    if (places === undefined) continue;
    let tried = 0;
    for (const place of places) {
      if (place < i || tried++ > maxPlaces) continue;
      const skipped = place - i + (at - j) + (place - i === at - j ? 0 : 8);
      if (skipped < fewest && commonLength(old, place, new_, at, unit) >= anchorBytes) {
        fewest = skipped;
        best = { old: place, new: at };
      }
    }
  }
  return best;
}

function anchorAt(code: Uint8Array, at: number): number {
  let key = 0;
  for (let k = 0; k < anchorBytes; k++) key = (Math.imul(key, 0x01000193) ^ (code[at + k] as number)) | 0;
  return key;
}
