/** A file whose newest bytes are in memory alone until it is flushed. */
import type { Survival } from './volatile-disk.ts';

type Unflushed = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number };

export class VolatileFile {
  readonly kind = 'file';
  mode: number;
  keptMode: number;
  #now: Buffer = Buffer.alloc(0);
  #kept: Buffer = Buffer.alloc(0);
  #unflushed: Unflushed[] = [];

  constructor(mode: number) {
    this.mode = mode;
    this.keptMode = mode;
  }

  get isFlushed(): boolean {
    return this.#unflushed.length === 0;
  }

  /** What is sure to be there. */
  get lasting(): Buffer {
    return this.#kept;
  }

  holds(bytes: Uint8Array): boolean {
    return this.#now.equals(bytes);
  }

  write(at: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#change({ at, bytes });
  }

  cut(length: number): void {
    if (length !== this.#now.length) this.#change({ length });
  }

  flush(): void {
    for (const change of this.#unflushed) this.#kept = changed(this.#kept, change);
    this.#unflushed = [];
    this.keptMode = this.mode;
  }

  after(survival: Survival, random: () => number): Buffer {
    switch (survival) {
      case 'nothing':
      case 'names':
        return this.#kept;
      case 'names over zeros':
        return changed(copyOf(this.#kept), { length: this.#now.length });
      case 'bytes':
      case 'all':
        return this.#now;
      case 'some':
        return this.#first(Math.floor(random() * (this.#unflushed.length + 1)), random);
      default:
        throw survival satisfies never;
    }
  }

  /** The first changes; of the next one, where it is a write, the first bytes. */
  #first(count: number, random: () => number): Buffer {
    const whole = this.#unflushed.slice(0, count).reduce(changed, copyOf(this.#kept));
    const next = this.#unflushed[count];
    if (!next || 'length' in next) return whole;
    return changed(whole, { at: next.at, bytes: next.bytes.subarray(0, Math.floor(random() * next.bytes.length)) });
  }

  #change(change: Unflushed): void {
    this.#now = changed(this.#now, change);
    this.#unflushed.push(change);
  }
}

function copyOf(bytes: Buffer): Buffer {
  return Buffer.from(bytes);
}

/** In place, but where it grows or shrinks; what is new is zeros, as the kernel has it. */
function changed(bytes: Buffer, change: Unflushed): Buffer {
  const length = 'length' in change ? change.length : Math.max(bytes.length, change.at + change.bytes.length);
  const next = length === bytes.length ? bytes : Buffer.alloc(length);
  if (next !== bytes) bytes.copy(next);
  if ('bytes' in change) next.set(change.bytes, change.at);
  return next;
}
