/**
 * Codes the bytes of the new file that resemble bytes of the old one: block by block, in a block that differs from its
 * prediction word by word, in such a word byte by byte. Encoder and decoder run the same code, so they agree on every
 * context.
 */
import { AdaptiveBits } from './adaptive-bits.ts';
import type { BitCoder } from './bit-coder.ts';
import { ContextMixer } from './context-mixer.ts';
import type { MovedReferences } from './moved-references.ts';

/** Bytes of a chunk, the longest stretch that is coded at once; references do not cross its ends. */
export const chunkBytes = 64 * 1024;
const blockBytes = 32;
/** Blocks are coded in groups where no references move. */
const groupBytes = 1024;
const noBytes: Uint8Array = new Uint8Array(0);

export class AlikeModel {
  readonly #coder: BitCoder;
  readonly #references: MovedReferences;
  readonly #groups = new AdaptiveBits(1 << 12);
  readonly #blocks = new AdaptiveBits(1 << 12);
  readonly #words: ContextMixer;
  readonly #flags: ContextMixer;
  readonly #values: ContextMixer;
  /** The chunk in the old file, in the new one as far as known, and what the encoder knows of it. */
  #old = noBytes;
  #fresh = noBytes;
  #actual: Uint8Array | undefined;
  #oldStart = 0;
  /** The last groups, blocks, words and bytes, 1 where one differed from its prediction, the newest in the lowest bit. */
  #groupHistory = 0;
  #blockHistory = 0;
  #wordHistory = 0;
  #missHistory = 0;
  #lastMiss = 0;
  #missBefore = 0;
  #sinceMiss = 0;

  /** @param tableBits size of the larger tables of statistics, a power of two */
  constructor(coder: BitCoder, references: MovedReferences, tableBits: number) {
    this.#coder = coder;
    this.#references = references;
    this.#words = new ContextMixer({ inputs: 5, tableBits: tableBits - 2, weightSets: 32, countLimit: 250 });
    this.#flags = new ContextMixer({ inputs: 5, tableBits: tableBits - 2, weightSets: 16, countLimit: 250 });
    this.#values = new ContextMixer({ inputs: 6, tableBits, weightSets: 256, countLimit: 120 });
  }

  /**
   * Codes one chunk of at most `chunkBytes`.
   * @param old the chunk in the old file
   * @param fresh receives the chunk of the new file
   * @param actual the same, known to the encoder only
   * @param oldStart position of the chunk in the old file
   * @param newStart position of the chunk in the new file
   */
  codeChunk(
    old: Uint8Array,
    fresh: Uint8Array,
    actual: Uint8Array | undefined,
    oldStart: number,
    newStart: number,
  ): void {
    this.#old = old;
    this.#fresh = fresh;
    this.#actual = actual;
    this.#oldStart = oldStart;
    fresh.set(old);
    const references = this.#references;
    references.startChunk(old, fresh, oldStart, newStart - oldStart);
    if (references.move) this.#codeBlocks(0, old.length);
    else this.#codeGroups();
  }

  #codeGroups(): void {
    const length = this.#old.length;
    for (let start = 0; start < length; start += groupBytes) {
      const end = Math.min(start + groupBytes, length);
      const differs = this.#groups.code(this.#coder, this.#groupHistory & 0xfff, this.#differs(start, end));
      this.#groupHistory = (this.#groupHistory << 1) | differs;
      if (differs === 1) {
        this.#codeBlocks(start, end);
        continue;
      }
      this.#blockHistory = 0;
      this.#missHistory = 0;
      this.#wordHistory = 0;
      this.#sinceMiss += end - start;
    }
  }

  #codeBlocks(from: number, to: number): void {
    const references = this.#references;
    for (let start = from; start < to; start += blockBytes) {
      const end = Math.min(start + blockBytes, to);
      references.predict(start, end);
      const differs = this.#codeBlock(this.#differs(start, end));
      if (differs === 0) {
        references.learn(end);
        this.#missHistory = 0;
        this.#wordHistory <<= 8;
        this.#sinceMiss += end - start;
      } else {
        references.rewind(start);
        this.#codeWords(start, end);
      }
    }
  }

  #differs(start: number, end: number): number {
    const actual = this.#actual;
    if (actual === undefined) return 0;
    const fresh = this.#fresh;
    for (let i = start; i < end; i++) if (fresh[i] !== actual[i]) return 1;
    return 0;
  }

  #codeBlock(differs: number): number {
    const coded = this.#blocks.code(this.#coder, this.#blockHistory & 0xfff, differs);
    this.#blockHistory = (this.#blockHistory << 1) | coded;
    return coded;
  }

  #codeWords(start: number, end: number): void {
    const references = this.#references;
    for (let from = start; from < end; ) {
      const to = Math.min(((this.#oldStart + from + 4) & ~3) - this.#oldStart, end);
      references.predict(from, to);
      const differs = this.#codeWord(from, this.#differs(from, to));
      this.#wordHistory = (this.#wordHistory << 1) | differs;
      if (differs === 0) {
        references.learn(to);
        this.#missHistory <<= to - from;
        this.#sinceMiss += to - from;
      } else {
        references.rewind(from);
        this.#codeBytes(from, to);
      }
      from = to;
    }
  }

  #codeWord(at: number, differs: number): number {
    const old = this.#old;
    const contexts = this.#words.contexts;
    const history = this.#wordHistory;
    const place = this.#place(at);
    const phase = ((this.#oldStart + at) >> 2) & 3;
    const high = at + 3 < old.length ? (old[at + 3] as number) : 256;
    const third = at + 2 < old.length ? (old[at + 2] as number) : 256;
    const before = at > 0 ? (old[at - 1] as number) : 0;
    contexts[0] = place | ((history & 0xff) << 8);
    contexts[1] = phase | ((history & 0xffff) << 8) | (1 << 28);
    contexts[2] = high | (third << 9) | (place << 18) | (2 << 28);
    contexts[3] = high | (before << 9) | ((history & 0xf) << 18) | (3 << 28);
    contexts[4] = Math.min(this.#sinceMiss, 127) | (this.#lastMiss << 8) | (phase << 16) | (4 << 28);
    return this.#words.codeBit(this.#coder, (history & 7) | (place > 3 ? 8 : 0) | (high === 0 ? 16 : 0), differs);
  }

  #codeBytes(start: number, end: number): void {
    const references = this.#references;
    const fresh = this.#fresh;
    for (let at = start; at < end; at++) {
      references.predict(at, at + 1);
      const actual = this.#actual === undefined ? 0 : (this.#actual[at] as number);
      const expected = fresh[at] as number;
      const place = this.#place(at);
      if (this.#codeFlag(at, place, actual === expected ? 0 : 1) === 1) {
        const difference = this.#codeValue(at, place, (actual - expected) & 0xff);
        fresh[at] = expected + difference;
        references.changed(at);
        this.#missBefore = this.#lastMiss;
        this.#lastMiss = difference;
        this.#sinceMiss = 0;
        this.#missHistory = (this.#missHistory << 1) | 1;
      } else {
        this.#sinceMiss++;
        this.#missHistory <<= 1;
      }
      references.learn(at + 1);
    }
  }

  /** Which byte of which kind of reference, 4 to 23, or of an aligned word, 0 to 3. */
  #place(at: number): number {
    const left = this.#references.wordEnd - at;
    return left > 0 && left <= 4 ? this.#references.kind * 4 + 4 - left : (this.#oldStart + at) & 3;
  }

  #codeFlag(at: number, place: number, miss: number): number {
    const contexts = this.#flags.contexts;
    const history = this.#missHistory;
    const byte = this.#fresh[at] as number;
    const before = at > 0 ? (this.#fresh[at - 1] as number) : 0;
    contexts[0] = place | ((history & 0xff) << 8);
    contexts[1] = ((this.#oldStart + at) & 7) | ((history & 0xfff) << 8) | (1 << 28);
    contexts[2] = place | (byte << 8) | (before << 16) | (2 << 28);
    contexts[3] = byte | ((history & 7) << 8) | (place << 12) | (3 << 28);
    contexts[4] = place | ((history & 1 ? this.#lastMiss : 0) << 8) | (4 << 28);
    return this.#flags.codeBit(this.#coder, (history & 7) | (place > 3 ? 8 : 0), miss);
  }

  #codeValue(at: number, place: number, difference: number): number {
    const contexts = this.#values.contexts;
    const fresh = this.#fresh;
    const history = this.#missHistory;
    const byte = fresh[at] as number;
    const before = at > 0 ? (fresh[at - 1] as number) : 0;
    const twoBefore = at > 1 ? (fresh[at - 2] as number) : 0;
    const adjacent = history & 1 ? this.#lastMiss : 0;
    contexts[0] = place;
    contexts[1] = adjacent | (place << 8) | (1 << 28);
    contexts[2] = this.#lastMiss | (this.#missBefore << 8) | ((history & 3) << 16) | (2 << 28);
    contexts[3] = byte | (before << 8) | (3 << 28);
    contexts[4] = byte | (before << 8) | (twoBefore << 16) | (4 << 28);
    contexts[5] = this.#changeAt(at - 8) | (this.#changeAt(at - 4) << 8) | (5 << 28);
    return this.#values.codeByte(this.#coder, 0, difference);
  }

  #changeAt(at: number): number {
    return at < 0 ? 0 : ((this.#fresh[at] as number) - (this.#old[at] as number)) & 0xff;
  }
}
