/**
 * Decides how far a wave reaches: a bound on places, drawn once from the devices that are there when it opens. Later
 * devices move nobody; a wider declaration only raises the bound.
 */
import type { WaveSize } from '../declaration/wave.ts';
import type { OpenedWave } from './campaign.ts';

export interface Bound {
  /** Places below it are inside; in [0, 1]. */
  readonly upTo: number;
  /** How many of the given places are inside. */
  readonly members: number;
}

/**
 * A percentage is rounded down, one device at least, so that a cohort never exceeds it; 100 % covers everything.
 * @param places of the group's accepted devices in ascending order
 * @param atLeast the bound of the wave before: cohorts never shrink
 */
export function drawBound(size: WaveSize, places: ArrayLike<number>, atLeast: number): Bound {
  const devices = places.length;
  const wanted = 'percent' in size ? Math.max(1, Math.floor((size.percent * devices) / 100)) : size.count;
  const upTo = isEverybody(size) ? 1 : boundAfter(places, Math.min(wanted, devices));
  const raised = Math.max(upTo, atLeast);
  return { upTo: raised, members: raised >= 1 ? devices : countBelow(places, raised) };
}

/** Whether the wave covers devices that enrol after it opened; only then can one join without making it too large. */
function isEverybody(size: WaveSize): boolean {
  return 'percent' in size && size.percent === 100;
}

/**
 * Index of the first opened wave that covers a device; undefined where none does. A device that enrolled after a wave
 * opened is covered by that wave only where it is for everybody.
 */
export function openWaveOf(place: number, enrolledAt: number, opened: readonly OpenedWave[]): number | undefined {
  for (let index = 0; index < opened.length; index++) {
    const wave = opened[index];
    if (wave && place < wave.upTo && (wave.upTo >= 1 || enrolledAt <= wave.openedAt)) return index;
  }
  return undefined;
}

/** The smallest bound that has exactly `inside` places below it, where places differ. */
function boundAfter(places: ArrayLike<number>, inside: number): number {
  if (inside <= 0) return 0;
  const last = places[inside - 1] ?? 0;
  const next = places[inside];
  return next === undefined ? nextUp(last) : Math.min(next, nextUp(last));
}

/** Places are multiples of 2^-52 below 1, so this is the next place that a device could have. */
function nextUp(place: number): number {
  return Math.min(1, place + 2 ** -52);
}

function countBelow(places: ArrayLike<number>, bound: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] ?? 1) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
