/**
 * Makes the bytes of one part of a delta by the methods that run in this process, and keeps the smallest, or one hardly
 * larger that devices decode much faster. A method that cannot take the part says why and is passed over. Whether the
 * bytes decode is proved later, by the whole delta.
 */
import { writeFile } from 'node:fs/promises';
import { limits } from '../../contract/limits.ts';
import { encodeApproximate } from './approximate/encode.ts';
import { openFileSource } from './file-source.ts';
import { alikeness, sketchOf } from './likeness.ts';
import { compressed, goPatch } from './part-codecs.ts';
import { encodedBytesOf, isFast, lightest, type PartDraft, weightOf } from './part-draft.ts';
import type { EncodedMethod, PartBytes, PartCode, PartTask, TriedMethod } from './ports.ts';

/** A patch below this share of the part is good enough not to try others. */
const goodShare = 0.1;
/**
 * Quick levels of zstd, without and with an old part, the best one, which takes twenty times as long, and the share
 * that the best one leaves of the quick one's bytes at least.
 */
const quickLevel = 3;
const quickPatchLevel = 12;
const bestLevel = 19;
const bestOfQuick = 0.6;

/**
 * A part of this number of bytes that zstd leaves at this share at least is compressed or encrypted, and an old part
 * that is less alike has nothing for it: an approximate patch would take a minute to find none.
 */
const minNoiseBytes = 1024 * 1024;
const noiseShare = 0.98;
const minAlikeness = 0.005;

/** Writes the best to `task.outFile` and says what was tried. */
export async function encodePart(task: PartTask): Promise<PartCode> {
  const attempts = new Attempts(readRange(task.new), task.methods);
  for (const { index, bytes } of task.olds) attempts.fromOld(index, readRange(bytes));
  attempts.fromNothing();
  const { chunks, ...code } = attempts.best();
  await writeFile(task.outFile, chunks);
  return code;
}

/** What methods made of one part so far: each is tried only where it can still win. */
class Attempts {
  readonly #bytes: Uint8Array;
  readonly #methods: readonly EncodedMethod[];
  readonly #tried: TriedMethod[] = [];
  readonly #drafts: PartDraft[] = [];
  #quickLength: number | undefined;

  constructor(bytes: Uint8Array, methods: readonly EncodedMethod[]) {
    this.#bytes = bytes;
    this.#methods = methods;
  }

  /** By the methods that need an old part. */
  fromOld(index: number, old: Uint8Array): void {
    const bytes = this.#bytes;
    if (this.#allows('go')) this.#attempt('go', index, () => goPatch(old, bytes));
    if (this.#allows('approximate') && !this.#isGood()) {
      this.#attempt('approximate', index, () =>
        this.#isNoise() && isStrange(bytes, old)
          ? 'compressed content that is nothing like it'
          : [encodeApproximate(old, bytes)],
      );
    }
    const isSmall = Math.max(old.length, bytes.length) <= limits.maxZstdPatchBytes;
    if (this.#allows('zstdPatch') && !this.#drafts.some(isFast) && isSmall) {
      const least = Math.min(...this.#drafts.map(weightOf));
      this.#attempt('zstdPatch', index, () => {
        const quick = this.#drafts.length > 0 ? compressed(bytes, quickPatchLevel, old).length : 0;
        return quick * bestOfQuick >= least ? tooMany(quick) : [compressed(bytes, bestLevel, old)];
      });
    }
  }

  fromNothing(): void {
    if (!this.#allows('zstd') || this.#isGood()) return;
    const least = Math.min(...this.#drafts.map(encodedBytesOf));
    this.#attempt('zstd', undefined, () => {
      const quick = this.#drafts.length > 0 ? this.#quickBytes() : 0;
      return quick * bestOfQuick >= least ? tooMany(quick) : [compressed(this.#bytes, bestLevel)];
    });
  }

  best(): PartDraft {
    const bytes = this.#bytes;
    const plain = { method: 'stored' as const, oldPart: undefined, tablesLength: 0, dataLength: bytes.length };
    return lightest(this.#drafts, { ...plain, tried: this.#tried, chunks: [bytes] });
  }

  #allows(method: EncodedMethod): boolean {
    return this.#methods.includes(method);
  }

  #attempt(method: EncodedMethod, oldPart: number | undefined, make: () => readonly Uint8Array[] | string): void {
    const made = outcomeOf(make);
    if (typeof made === 'string') {
      this.#tried.push({ method, reason: made });
      return;
    }
    const length = made.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#tried.push({ method, length });
    const tablesLength = method === 'go' ? (made[0]?.length ?? 0) : 0;
    const dataLength = length - tablesLength;
    this.#drafts.push({ method, oldPart, tablesLength, dataLength, tried: this.#tried, chunks: made });
  }

  #isGood(): boolean {
    return this.#drafts.some((draft) => encodedBytesOf(draft) < this.#bytes.length * goodShare);
  }

  /** What zstd leaves of the part at its quick level. */
  #quickBytes(): number {
    this.#quickLength ??= compressed(this.#bytes, quickLevel).length;
    return this.#quickLength;
  }

  #isNoise(): boolean {
    return this.#bytes.length >= minNoiseBytes && this.#quickBytes() >= this.#bytes.length * noiseShare;
  }
}

function tooMany(quick: number): string {
  return `${quick} bytes at its quick level`;
}

/** Any failure of a codec is a reason to take another: nothing in a file may fail a build. */
function outcomeOf(make: () => readonly Uint8Array[] | string): readonly Uint8Array[] | string {
  try {
    return make();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isStrange(bytes: Uint8Array, old: Uint8Array): boolean {
  return alikeness(sketch(bytes), sketch(old)) < minAlikeness;
}

function sketch({ buffer, byteOffset, length }: Uint8Array) {
  return sketchOf({ chunks: () => [Buffer.from(buffer, byteOffset, length)] });
}

function readRange({ file, offset, length }: PartBytes): Uint8Array {
  using source = openFileSource(file);
  const bytes = new Uint8Array(length);
  source.readInto(bytes, offset);
  return bytes;
}
