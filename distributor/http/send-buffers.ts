/**
 * The memory that downloads are sent from, used again and again. Large buffers make fast downloads cheap; there are only so
 * many, so a crowd of slow readers holds those and one small buffer each. What few downloads need is given back.
 */
import { limits } from '../../contract/limits.ts';

/** A read and a write of so much cost little beside the bytes themselves. */
const largeBytes = 512 * 1024;
const smallBytes = 64 * 1024;
/** Kept while nobody needs them. */
const keptLarge = 16;
const keptSmall = 16;

export class SendBuffers {
  readonly #large: Buffer[] = [];
  readonly #small: Buffer[] = [];
  #largeInUse = 0;

  /** @param size what would be of use; a small one also where all large ones are in use */
  take(size: 'large' | 'small'): Buffer {
    if (size === 'small' || (this.#largeInUse + 1) * largeBytes > limits.maxSendBufferBytes) {
      return this.#small.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
    }
    this.#largeInUse += 1;
    return this.#large.pop() ?? Buffer.allocUnsafeSlow(largeBytes);
  }

  isLarge(buffer: Buffer): boolean {
    return buffer.length === largeBytes;
  }

  /** @param buffer that nobody reads into or writes from any more */
  give(buffer: Buffer): void {
    const isLarge = this.isLarge(buffer);
    if (isLarge) this.#largeInUse -= 1;
    const [free, kept] = isLarge ? [this.#large, keptLarge] : [this.#small, keptSmall];
    if (free.length < kept) free.push(buffer);
    else freeNow(buffer);
  }
}

/** Without waiting for the garbage collector, to which a buffer looks small. Node 20 cannot; there it is collected. */
function freeNow({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) (buffer as { transfer?: (length: number) => ArrayBuffer }).transfer?.(0);
}
