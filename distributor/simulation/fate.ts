/**
 * Draws what chance has in store for each device: whether a release fails on it and when, and how it loses the server.
 */
import type { Release } from '../catalog/releases.ts';
import { numberOf, purposes, type Seeded } from './seeded.ts';
import type { VirtualDevice } from './virtual-device.ts';

const hourMs = 3600 * 1000;
/** Of the devices that fail, one in this number commits first and falls back hours later. */
const lateOneIn = 10;
const lateMs = { atLeast: hourMs, upTo: 24 * hourMs };
const absenceMs = { atLeast: 24 * hourMs, upTo: 14 * 24 * hourMs };

export class Fate {
  readonly #seeded: Seeded;
  readonly #failureRate: number;

  /** @param failureRate share of the devices on which a release fails, 0 to 1 */
  constructor(seeded: Seeded, failureRate: number) {
    this.#seeded = seeded;
    this.#failureRate = failureRate;
  }

  /** The same release is bad or good on a device whatever else happens. */
  isBad({ index }: VirtualDevice, { version }: Release): boolean {
    return this.#seeded.draw(purposes.bad, index, numberOf(version)) < this.#failureRate;
  }

  /** Whether a bad release shows only after the commit. */
  isLate({ index }: VirtualDevice): boolean {
    return this.#seeded.draw(purposes.late, index) * lateOneIn < 1;
  }

  /** Milliseconds from the switch to the failure. */
  failsAfterMs({ index, is }: VirtualDevice): number {
    return Math.floor(is.updateMs * (0.2 + 0.8 * this.#seeded.draw(purposes.failAt, index)));
  }

  /** Milliseconds from the commit to the fall-back. */
  fallsBackAfterMs({ index }: VirtualDevice): number {
    return between(lateMs, this.#seeded.draw(purposes.lateAt, index));
  }

  /** How long a device stays away that falls silent; Infinity for good. */
  absenceMs({ index }: VirtualDevice): number {
    const isForGood = this.#seeded.draw(purposes.absence, index, 0) < 0.5;
    return isForGood ? Number.POSITIVE_INFINITY : between(absenceMs, this.#seeded.draw(purposes.absence, index, 1));
  }

  /** Whether it falls silent with the download done, so that it goes on unheard. */
  isCutOffLate({ index }: VirtualDevice): boolean {
    return this.#seeded.draw(purposes.reachAt, index) < 0.5;
  }
}

function between({ atLeast, upTo }: { readonly atLeast: number; readonly upTo: number }, share: number): number {
  return atLeast + Math.floor((upTo - atLeast) * share);
}
