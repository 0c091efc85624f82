/**
 * Lends the memory that downloads are sent from, again and again. Large buffers make fast downloads cheap. Their number
 * is bounded, so a crowd of slow readers holds those and one small buffer each. Buffers are cut from slabs, and a slab
 * that nobody uses any more goes back to the system.
 */
import { limits } from '../../contract/limits.ts';

/** A read and a write of so much cost little beside the bytes themselves. */
const largeBytes = 512 * 1024;
const smallBytes = 64 * 1024;
/** Above 32 MiB the allocator maps memory by itself, and what is freed is really gone; untouched, it costs nothing. */
const smallInSlab = 640;
/** Between two bursts of downloads memory is kept. */
const idleMs = 2000;

export class SendBuffers {
  readonly #large = new Slabs(largeBytes, limits.maxSendBufferBytes / largeBytes);
  readonly #small = new Slabs(smallBytes, smallInSlab);

  /** @param size what would be of use; a small one also where all large ones are in use */
  take(size: 'large' | 'small'): Buffer {
    return (size === 'large' ? this.#large.takeOf(1) : undefined) ?? this.#small.take();
  }

  isLarge(buffer: Buffer): boolean {
    return buffer.length === largeBytes;
  }

  /** @param buffer that nobody reads into or writes from any more */
  give(buffer: Buffer): void {
    (this.isLarge(buffer) ? this.#large : this.#small).give(buffer);
  }
}

/** Buffers of one size. */
class Slabs {
  readonly #bytes: number;
  readonly #count: number;
  /** The oldest first: while it has room, the others empty. */
  #slabs: Slab[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(bytes: number, count: number) {
    this.#bytes = bytes;
    this.#count = count;
  }

  take(): Buffer {
    return this.takeOf(Number.POSITIVE_INFINITY) ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  /** @returns undefined where no slab has one left */
  takeOf(maxSlabs: number): Buffer | undefined {
    const slab = this.#slabs.find(({ free }) => free.length > 0) ?? this.#add(maxSlabs);
    return slab?.free.pop();
  }

  give(buffer: Buffer): void {
    const slab = this.#slabs.find(({ memory }) => memory === buffer.buffer);
    slab?.free.push(buffer);
    if (slab?.free.length !== this.#count || this.#timer) return;
    this.#timer = setTimeout(() => this.#freeUnused(), idleMs).unref();
  }

  #add(maxSlabs: number): Slab | undefined {
    if (this.#slabs.length >= maxSlabs) return undefined;
    const memory = new ArrayBuffer(this.#bytes * this.#count);
    const free = Array.from({ length: this.#count }, (_, i) => Buffer.from(memory, i * this.#bytes, this.#bytes));
    const slab = { memory, free };
    this.#slabs.push(slab);
    return slab;
  }

  #freeUnused(): void {
    this.#timer = undefined;
    for (const { memory, free } of this.#slabs) {
      // Without waiting for the garbage collector. Node 20 cannot; there it is collected.
      if (free.length === this.#count) (memory as { transfer?: (length: number) => ArrayBuffer }).transfer?.(0);
    }
    this.#slabs = this.#slabs.filter(({ free }) => free.length < this.#count);
  }
}

interface Slab {
  readonly memory: ArrayBuffer;
  readonly free: Buffer[];
}
