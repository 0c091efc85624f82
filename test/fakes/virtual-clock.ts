/** A clock that stands still until somebody sleeps on it or moves it; sleepers do not wait. */
import type { Clock } from '../../edge-updater/ports.ts';

export class VirtualClock implements Clock {
  #now: number;
  #monotonic = 0;
  #ids = 0;
  /** Every sleep so far, in seconds. */
  readonly slept: number[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonicSeconds(): number {
    return this.#monotonic;
  }

  async sleep(seconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.slept.push(seconds);
    this.advance(seconds);
    // Others get their turn, as they would on a real clock.
    await new Promise((resolve) => setImmediate(resolve));
  }

  advance(seconds: number): void {
    this.#now += seconds * 1000;
    this.#monotonic += seconds;
  }

  /** The wall clock jumps; the monotonic one does not. */
  jumpTo(now: number): void {
    this.#now = now;
  }

  random(): number {
    return 0.5;
  }

  newId(): string {
    this.#ids++;
    return `id-${this.#now}-${this.#ids}`;
  }
}
