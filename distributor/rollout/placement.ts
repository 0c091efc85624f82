/**
 * Computes where a device stands in a rollout: a number that depends on the two names alone. So adding devices moves
 * nobody, and every replica and every restart answers the same without a table.
 */
import type { DeviceId } from '../../contract/device-api/check.ts';
import { sha256 } from '../../contract/digest.ts';

/** Hexadecimal digits that fit a double exactly: 52 bits. */
const placeDigits = 13;
const encoder = new TextEncoder();

/** In [0, 1), a multiple of 2^-52, evenly spread. Neither name can hold a NUL, so no two pairs share an input. */
export function placeOf(rollout: string, device: DeviceId): number {
  const digest = sha256(encoder.encode(`${rollout}\0${device}`));
  return Number.parseInt(digest.slice(0, placeDigits), 16) / 16 ** placeDigits;
}

/** A place, or a bound of places, as people read it: percent with four decimals, rounded down, so that order stays. */
export function percentOfPlace(place: number): number {
  return Math.floor(place * 1e6) / 1e4;
}
