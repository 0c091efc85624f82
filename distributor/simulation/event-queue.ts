/**
 * Orders what will happen on the virtual clock: a heap by time, then by kind and device, so that no order is left to
 * chance.
 */

/** In the order in which they happen at one instant; time-outs are those of attempts, see WaveTally. */
export const queuedKinds = { timeout: 0, step: 1, poll: 2 } as const;
export type QueuedKind = (typeof queuedKinds)[keyof typeof queuedKinds];

/** Devices are numbered below it. */
export const maxDevices = 1_000_000;
const kindUnit = 2 ** 20;

export class EventQueue {
  #times = new Float64Array(1024);
  #codes = new Uint32Array(1024);
  #size = 0;

  /** Infinity when nothing is left. */
  get nextAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] ?? 0);
  }

  /** Of the event at `nextAt`. */
  get nextKind(): QueuedKind {
    return Math.floor((this.#codes[0] ?? 0) / kindUnit) as QueuedKind;
  }

  get nextDevice(): number {
    return (this.#codes[0] ?? 0) % kindUnit;
  }

  /** @param at finite */
  push(at: number, kind: QueuedKind, device: number): void {
    if (this.#size === this.#times.length) this.#grow();
    const code = kind * kindUnit + device;
    let hole = this.#size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(at, code, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#times[hole] = at;
    this.#codes[hole] = code;
  }

  /** Removes the event at `nextAt`. */
  pop(): void {
    const last = --this.#size;
    if (last <= 0) return;
    const at = this.#times[last] ?? 0;
    const code = this.#codes[last] ?? 0;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(this.#times[child + 1] ?? 0, this.#codes[child + 1] ?? 0, child)) child++;
      if (this.#isBefore(at, code, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#times[hole] = at;
    this.#codes[hole] = code;
  }

  #isBefore(at: number, code: number, other: number): boolean {
    const time = this.#times[other] ?? 0;
    return at < time || (at === time && code < (this.#codes[other] ?? 0));
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] ?? 0;
    this.#codes[to] = this.#codes[from] ?? 0;
  }

  #grow(): void {
    const times = new Float64Array(this.#size * 2);
    const codes = new Uint32Array(this.#size * 2);
    times.set(this.#times);
    codes.set(this.#codes);
    this.#times = times;
    this.#codes = codes;
  }
}
