/**
 * Finds for each stretch of a new file where it comes from in the old one, mismatches allowed (Percival, "Naive
 * differences of executable code", 2003: exact matches grown over few differing bytes).
 */

import { limits } from '../../../contract/limits.ts';
import { type Steps, stepFields } from '../../approximate/step.ts';
import { suffixArray } from './suffix-array.ts';
import { SuffixSearch } from './suffix-search.ts';

/** An exact match must beat the alignment already in use by more than this many bytes. */
const betterBy = 8;
/** Where the alignment in use agrees for this number of bytes, no other is looked for before it ends. */
const trustedRun = 32;

/** Steps that together cover `newFile` from its first byte to its last. */
export function matchFiles(oldFile: Uint8Array, newFile: Uint8Array): Steps {
  const search = new SuffixSearch(oldFile, suffixArray(oldFile));
  const steps: number[] = [];
  let scan = 0;
  let length = 0;
  let position = 0;
  let lastScan = 0;
  let lastPosition = 0;
  let lastOffset = 0;
  let oldEnd = 0;
  /** From `scan` to here the alignment in use agrees, where it is behind `scan`. */
  let alignedEnd = 0;
  while (scan < newFile.length) {
    let alignedScore = 0;
    scan += length;
    let scored = scan;
    for (; scan < newFile.length; scan++) {
      if (alignedEnd <= scan) alignedEnd = agreedEnd(oldFile, newFile, scan, lastOffset);
      if (alignedEnd - scan >= trustedRun) {
        length = alignedEnd - scan;
        alignedScore = length;
        break;
      }
      length = search.find(newFile, scan);
      position = search.position;
      for (; scored < scan + length; scored++) {
        if (oldFile[scored + lastOffset] === newFile[scored]) alignedScore++;
      }
      if ((length === alignedScore && length !== 0) || length > alignedScore + betterBy) break;
      if (oldFile[scan + lastOffset] === newFile[scan]) alignedScore--;
    }
    if (length === alignedScore && scan !== newFile.length) continue;
    const { forward, backward } = growBoth(oldFile, newFile, lastScan, lastPosition, scan, position);
    const own = scan - backward - (lastScan + forward);
    if (forward + own > 0) {
      steps.push(lastPosition - oldEnd, forward, own);
      oldEnd = lastPosition + forward;
    }
    lastScan = scan - backward;
    lastPosition = position - backward;
    lastOffset = position - scan;
    alignedEnd = scan;
  }
  return coarsen(Int32Array.from(steps), limits.maxApproximateSteps);
}

/** Where the bytes from `start` on, moved by `offset` in the old file, first differ. */
function agreedEnd(oldFile: Uint8Array, newFile: Uint8Array, start: number, offset: number): number {
  const end = Math.min(newFile.length, oldFile.length - offset);
  let at = start;
  while (at < end && oldFile[at + offset] === newFile[at]) at++;
  return at;
}

/**
 * At most `limit` steps: as many as must go give their bytes to the step before as its own, the shortest ones first.
 */
export function coarsen(steps: Steps, limit: number): Steps {
  let kept = steps;
  for (let shortest = 32; kept.length > limit * stepFields; shortest *= 2) {
    const merged: number[] = [];
    let skipped = 0;
    for (let i = 0; i < kept.length; i += stepFields) {
      const [seek = 0, alike = 0, own = 0] = kept.subarray(i, i + stepFields);
      if (merged.length > 0 && alike < shortest) {
        merged[merged.length - 1] = (merged[merged.length - 1] as number) + alike + own;
        skipped += seek + alike;
      } else {
        merged.push(seek + skipped, alike, own);
        skipped = 0;
      }
    }
    kept = Int32Array.from(merged);
  }
  return kept;
}

/**
 * How far the alignment in use reaches forward from `lastScan`, and the next one backward from `scan`, where at least
 * half of the bytes agree; where both claim bytes, the split that agrees most.
 */
function growBoth(
  oldFile: Uint8Array,
  newFile: Uint8Array,
  lastScan: number,
  lastPosition: number,
  scan: number,
  position: number,
): { forward: number; backward: number } {
  let forward = 0;
  for (let i = 0, agree = 0, best = 0; lastScan + i < scan && lastPosition + i < oldFile.length; ) {
    if (oldFile[lastPosition + i] === newFile[lastScan + i]) agree++;
    i++;
    if (agree * 2 - i > best) {
      best = agree * 2 - i;
      forward = i;
    }
  }
  let backward = 0;
  if (scan < newFile.length) {
    for (let i = 1, agree = 0, best = 0; scan - i >= lastScan && position - i >= 0; i++) {
      if (oldFile[position - i] === newFile[scan - i]) agree++;
      if (agree * 2 - i > best) {
        best = agree * 2 - i;
        backward = i;
      }
    }
  }
  const overlap = lastScan + forward - (scan - backward);
  if (overlap <= 0) return { forward, backward };
  let kept = 0;
  for (let i = 0, score = 0, best = 0; i < overlap; i++) {
    const at = lastScan + forward - overlap + i;
    if (newFile[at] === oldFile[lastPosition + forward - overlap + i]) score++;
    if (newFile[at] === oldFile[position - backward + i]) score--;
    if (score > best) {
      best = score;
      kept = i + 1;
    }
  }
  return { forward: forward - overlap + kept, backward: backward - kept };
}
