/**
 * Finds matches as levels 1 to 9 of zlib's deflate do: greedy up to level 3, lazy above, over a window of 32 KiB and
 * hash chains of three bytes. Ported from deflate.c of zlib 1.3 (Jean-loup Gailly and Mark Adler; see
 * ../LICENSE-zlib.txt) at windowBits 15, memLevel 8 and the default strategy; the output has been the same since 1.2.
 * Two relatives of it differ in few places: see ZlibRelative.
 */
import { maxMatch } from '../length-and-distance.ts';
import type { ZlibBlockWriter } from './block-writer.ts';
import { isGreedy, type LevelTuning, tunings, type ZlibRelative } from './tuning.ts';

const windowSize = 1 << 15;
const windowMask = windowSize - 1;
const hashMask = (1 << 15) - 1;
const minLookahead = maxMatch + 3 + 1;
const maxDistance = windowSize - minLookahead;
const tooFar = 4096;
const none = 0;
/** Of Chromium's hash. */
const hashFactor = 66521;

export class ZlibCompressor {
  readonly #blocks: ZlibBlockWriter;
  readonly #tuning: LevelTuning;
  readonly #greedy: boolean;
  readonly #looksBehindEnd: boolean;
  readonly #hashesFour: boolean;
  readonly #window = new Uint8Array(2 * windowSize);
  readonly #head = new Uint16Array(hashMask + 1);
  readonly #previous = new Uint16Array(windowSize);
  /** Input that has not gone into the window; the window takes whole fillings only, as from one large buffer. */
  readonly #input = new Uint8Array(2 * windowSize);
  #inputStart = 0;
  #inputEnd = 0;
  #hash = 0;
  #start = 0;
  #lookahead = 0;
  #blockStart = 0;
  /** Strings before the start that are not in the hash table yet, for want of a third byte. */
  #uninserted = 0;
  #matchStart = 0;
  #matchLength = 2;
  #literalPending = false;
  /** All input is in the window; known only where it is looked at what lies behind. */
  #ended = false;

  /** @param relative of those that are not zlib, restart() is not to be called */
  constructor(level: number, blocks: ZlibBlockWriter, relative: ZlibRelative = 'zlib') {
    const tuning = tunings[level];
    if (tuning === undefined) throw new RangeError(`level ${level} is not one of 1 to 9`);
    this.#tuning = tuning;
    this.#greedy = isGreedy(level);
    this.#looksBehindEnd = relative === 'gzip';
    this.#hashesFour = relative === 'chromium';
    this.#blocks = blocks;
  }

  /** deflateReset and deflateSetDictionary: forgets all and begins with up to 32 KiB of history. */
  restart(history: Uint8Array): void {
    this.#head.fill(none);
    this.#inputStart = 0;
    this.#inputEnd = 0;
    this.#hash = 0;
    this.#start = 0;
    this.#lookahead = 0;
    this.#uninserted = 0;
    this.#matchStart = 0;
    this.#matchLength = 2;
    this.#literalPending = false;
    this.#window.set(history);
    if (history.length >= 3) {
      this.#hash = (((this.#window[0] as number) << 5) ^ (this.#window[1] as number)) & hashMask;
      for (let at = 0; at + 2 < history.length; at++) this.#insert(at);
    }
    this.#start = history.length;
    this.#uninserted = Math.min(2, history.length);
    this.#blockStart = this.#start;
  }

  write(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      const take = Math.min(bytes.length - offset, this.#input.length - this.#inputEnd);
      this.#input.set(bytes.subarray(offset, offset + take), this.#inputEnd);
      this.#inputEnd += take;
      offset += take;
      if (this.#inputEnd === this.#input.length) this.#run(false);
    }
  }

  /** Works through all input; writes the block that is open, as the last one or, when it holds anything, as another. */
  flush(last: boolean): void {
    this.#run(true);
    if (this.#literalPending) this.#blocks.literal(this.#window[this.#start - 1] as number);
    this.#literalPending = false;
    this.#uninserted = Math.min(2, this.#start);
    if (last || !this.#blocks.isEmpty) this.#block(last);
  }

  #run(flushing: boolean): void {
    if (this.#greedy) this.#runGreedy(flushing);
    else this.#runLazy(flushing);
    this.#input.copyWithin(0, this.#inputStart, this.#inputEnd);
    this.#inputEnd -= this.#inputStart;
    this.#inputStart = 0;
  }

  /**
   * Fills the window when the lookahead is short.
   * @returns whether there is something to work on: false when more input must come first, or none is left
   */
  #fill(flushing: boolean): boolean {
    if (this.#lookahead >= minLookahead) return true;
    if (this.#ended) return this.#lookahead > 0;
    do {
      let room = 2 * windowSize - this.#lookahead - this.#start;
      if (this.#start >= windowSize + maxDistance) room += windowSize;
      if (!flushing && this.#inputEnd - this.#inputStart < room) return false;
      if (this.#start >= windowSize + maxDistance) this.#slide();
      const take = Math.min(room, this.#inputEnd - this.#inputStart);
      const at = this.#start + this.#lookahead;
      if (take === 0) {
        this.#ended = this.#looksBehindEnd;
        if (this.#ended) this.#window.fill(0, at, at + 2);
        break;
      }
      this.#window.set(this.#input.subarray(this.#inputStart, this.#inputStart + take), at);
      this.#inputStart += take;
      this.#lookahead += take;
      this.#insertLate();
    } while (this.#lookahead < minLookahead && (this.#inputStart < this.#inputEnd || this.#looksBehindEnd));
    return this.#lookahead > 0;
  }

  #slide(): void {
    // What lies behind the input is seen by those that look there: gzip moves it along, the others leave what was.
    this.#window.copyWithin(0, windowSize, this.#looksBehindEnd ? 2 * windowSize : this.#start + this.#lookahead);
    this.#matchStart -= windowSize;
    this.#start -= windowSize;
    this.#blockStart -= windowSize;
    this.#uninserted = Math.min(this.#uninserted, this.#start);
    for (const table of [this.#head, this.#previous]) {
      for (let i = 0; i < table.length; i++) {
        const position = table[i] as number;
        table[i] = position >= windowSize ? position - windowSize : none;
      }
    }
  }

  #insertLate(): void {
    if (this.#lookahead + this.#uninserted < 3) return;
    let at = this.#start - this.#uninserted;
    this.#hash = (((this.#window[at] as number) << 5) ^ (this.#window[at + 1] as number)) & hashMask;
    while (this.#uninserted > 0) {
      this.#insert(at++);
      this.#uninserted--;
      if (this.#lookahead + this.#uninserted < 3) return;
    }
  }

  /** Puts a string into its chain; strings come one after the other, since the hash of three bytes rolls. */
  #insert(at: number): number {
    const window = this.#window;
    this.#hash = this.#hashesFour
      ? hashOfFour((window[at] as number) | ((window[at + 1] as number) << 8), window[at + 2], window[at + 3])
      : ((this.#hash << 5) ^ (window[at + 2] as number)) & hashMask;
    const first = this.#head[this.#hash] as number;
    this.#previous[at & windowMask] = first;
    this.#head[this.#hash] = at;
    return first;
  }

  #runGreedy(flushing: boolean): void {
    const window = this.#window;
    while (this.#fill(flushing)) {
      let length = 0;
      if (this.#lookahead >= 3 || this.#looksBehindEnd) {
        const candidate = this.#insert(this.#start);
        if (this.#reaches(candidate)) length = this.#longest(candidate, 2);
      }
      let full: boolean;
      if (length >= 3) {
        full = this.#blocks.match(this.#start - this.#matchStart, length);
        this.#lookahead -= length;
        // For greedy levels `lazy` is the length up to which the inside of a match is inserted.
        if (length <= this.#tuning.lazy && (this.#lookahead >= 3 || this.#looksBehindEnd)) {
          for (let i = 1; i < length; i++) this.#insert(this.#start + i);
          this.#start += length;
        } else {
          this.#start += length;
          this.#hash = (((window[this.#start] as number) << 5) ^ (window[this.#start + 1] as number)) & hashMask;
        }
      } else {
        full = this.#blocks.literal(window[this.#start] as number);
        this.#lookahead--;
        this.#start++;
      }
      if (full) this.#block(false);
    }
  }

  #runLazy(flushing: boolean): void {
    const window = this.#window;
    const { lazy } = this.#tuning;
    while (this.#fill(flushing)) {
      const candidate = this.#lookahead >= 3 || this.#looksBehindEnd ? this.#insert(this.#start) : none;
      const lengthBefore = this.#matchLength;
      const startBefore = this.#matchStart;
      let length = 2;
      if (lengthBefore < lazy && this.#reaches(candidate)) {
        length = this.#longest(candidate, lengthBefore);
        if (length === 3 && this.#start - this.#matchStart > tooFar) length = 2;
      }
      this.#matchLength = length;
      if (lengthBefore >= 3 && length <= lengthBefore) {
        const maxInsert = this.#start + this.#lookahead - (this.#looksBehindEnd ? 0 : 3);
        const full = this.#blocks.match(this.#start - 1 - startBefore, lengthBefore);
        this.#lookahead -= lengthBefore - 1;
        for (let i = lengthBefore - 2; i > 0; i--) if (++this.#start <= maxInsert) this.#insert(this.#start);
        this.#literalPending = false;
        this.#matchLength = 2;
        this.#start++;
        if (full) this.#block(false);
      } else {
        if (this.#literalPending && this.#blocks.literal(window[this.#start - 1] as number)) this.#block(false);
        this.#literalPending = true;
        this.#start++;
        this.#lookahead--;
      }
    }
  }

  #reaches(candidate: number): boolean {
    if (candidate === none || this.#start - candidate > maxDistance) return false;
    return !this.#looksBehindEnd || this.#start <= 2 * windowSize - minLookahead;
  }

  /** Length of the longest match that beats `toBeat`, its place in #matchStart; else a length that does not. */
  #longest(firstCandidate: number, toBeat: number): number {
    const window = this.#window;
    const previous = this.#previous;
    const start = this.#start;
    const ahead = this.#looksBehindEnd ? maxMatch : this.#lookahead;
    const reach = Math.min(maxMatch, ahead);
    const nice = Math.min(this.#tuning.nice, ahead);
    const oldest = Math.max(start - maxDistance, 0);
    let tries = toBeat >= this.#tuning.good ? this.#tuning.chain >> 2 : this.#tuning.chain;
    let best = toBeat;
    // A longer match has the same byte at the end of the best one and before: few candidates get past these two.
    let end = window[start + best];
    let beforeEnd = window[start + best - 1];
    const first = window[start];
    let candidate = firstCandidate;
    do {
      if (
        window[candidate + best] === end &&
        window[candidate + best - 1] === beforeEnd &&
        window[candidate] === first
      ) {
        let length = 1;
        while (length < reach && window[candidate + length] === window[start + length]) length++;
        if (length > best) {
          this.#matchStart = candidate;
          best = length;
          if (length >= nice) break;
          end = window[start + best];
          beforeEnd = window[start + best - 1];
        }
      }
      candidate = previous[candidate & windowMask] as number;
    } while (candidate > oldest && --tries !== 0);
    return Math.min(best, this.#lookahead);
  }

  #block(last: boolean): void {
    const length = this.#start - this.#blockStart;
    const bytes = this.#blockStart >= 0 ? this.#window.subarray(this.#blockStart, this.#start) : undefined;
    this.#blocks.write(bytes, length, last);
    this.#blockStart = this.#start;
  }
}

/** @param c the third byte, and the fourth; there is none at the end of the window */
function hashOfFour(ab: number, c = 0, d = 0): number {
  const product = Math.imul(ab | (c << 16) | (d << 24), hashFactor) + hashFactor;
  return (product >>> 16) & hashMask;
}
