/**
 * Where a device stands in a rollout: a number that depends on the two names alone. So adding devices moves nobody,
 * raising a percentage only adds, and every replica and every restart answers the same without a table.
 */
import type { DeviceId } from '../../contract/device-api/check.ts';
import { sha256 } from '../../contract/digest.ts';
import type { Wave } from './declaration.ts';

/** Hexadecimal digits that fit a double exactly: 52 bits. */
const placeDigits = 13;

/** In [0, 1), evenly spread. Neither name can hold a NUL, so no two pairs share an input. */
export function placeOf(rollout: string, device: DeviceId): number {
  const digest = sha256(new TextEncoder().encode(`${rollout}\0${device}`));
  return Number.parseInt(digest.slice(0, placeDigits), 16) / 16 ** placeDigits;
}

/** Index of the first wave whose percentage covers `place`; undefined where no wave does. */
export function waveOf(place: number, waves: readonly Wave[]): number | undefined {
  const index = waves.findIndex((wave) => place * 100 < wave.percent);
  return index < 0 ? undefined : index;
}
