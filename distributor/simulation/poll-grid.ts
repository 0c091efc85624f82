/**
 * Computes when a device asks: once in each interval, somewhere in the first two fifths of it, so that two checks lie
 * 0.6 to 1.4 intervals apart. Any check can be found without those before it, which is what lets a device sleep.
 */
import { purposes, type Seeded } from './seeded.ts';

const jitter = 0.4;

export class PollGrid {
  readonly #seeded: Seeded;
  readonly #start: number;
  readonly #intervalMs: number;

  constructor(seeded: Seeded, start: number, intervalSeconds: number) {
    this.#seeded = seeded;
    this.#start = start;
    this.#intervalMs = intervalSeconds * 1000;
  }

  /** The first check after `time`; milliseconds since 1970. */
  after(device: number, time: number): number {
    for (let nth = this.#around(device, time); ; nth++) {
      const at = this.#at(device, nth);
      if (at > time) return at;
    }
  }

  /** The last check before `time`, or at it; undefined before the first. */
  before(device: number, time: number, isInclusive: boolean): number | undefined {
    for (let nth = this.#around(device, time) + 2; nth >= 0; nth--) {
      const at = this.#at(device, nth);
      if (at < time || (isInclusive && at === time)) return at;
    }
    return undefined;
  }

  /** A check at or before `time`, at most two before the last one. */
  #around(device: number, time: number): number {
    return Math.max(0, Math.floor((time - this.#at(device, 0)) / this.#intervalMs) - 1);
  }

  #at(device: number, nth: number): number {
    const phase = this.#seeded.draw(purposes.phase, device);
    const shift = jitter * this.#seeded.draw(purposes.poll, device, nth);
    return this.#start + Math.floor((phase + nth + shift) * this.#intervalMs);
  }
}
