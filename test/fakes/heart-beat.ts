/** Watches whether the event loop of a test's own thread comes round while something goes on. */
import { setTimeout as pause } from 'node:timers/promises';

export class HeartBeat {
  #longest = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => this.#tick(), 5);

  /** @returns the longest time in which it did not, milliseconds */
  async end(): Promise<number> {
    await pause(20);
    clearInterval(this.#timer);
    return this.#longest;
  }

  #tick(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}
