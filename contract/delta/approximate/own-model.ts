/** Codes bytes of the new file that have no likeness in the old one, from the bytes before them. */
import type { BitCoder } from './bit-coder.ts';
import { ContextMixer } from './context-mixer.ts';

/** Bytes that must agree before a repetition is followed. */
const leastRepeat = 5;
const maxRepeat = 31;
const hashBits = 18;

export class OwnModel {
  readonly #coder: BitCoder;
  readonly #bytes: ContextMixer;
  /** The last bytes, as a ring. */
  readonly #history: Uint8Array;
  /** For each hash of `leastRepeat` bytes where in the history they were followed last, plus 1; 0 for nowhere. */
  readonly #places: Int32Array;
  #end = 0;
  /** Where in the history the bytes so far are repeated, and how many of them agreed. */
  #repeat = 0;
  #repeatLength = 0;
  /** The eight bytes before, the nearest lowest. */
  #before = 0;
  #earlier = 0;

  /** @param length bytes that will be coded, at most: it sizes the tables of statistics */
  constructor(coder: BitCoder, length: number) {
    this.#coder = coder;
    const sizeBits = Math.min(Math.max(33 - Math.clz32(length), 10), 19);
    this.#bytes = new ContextMixer({ inputs: 7, tableBits: sizeBits, weightSets: 256 * 4, countLimit: 250 });
    this.#history = new Uint8Array(1 << Math.min(sizeBits + 2, 22));
    this.#places = new Int32Array(1 << Math.min(sizeBits, hashBits));
  }

  /** Tells what precedes the next byte, at most the last 8 bytes of `bytes`. */
  follow(bytes: Uint8Array): void {
    for (let i = Math.max(0, bytes.length - 8); i < bytes.length; i++) this.#push(bytes[i] as number);
  }

  code(byte: number): number {
    const contexts = this.#bytes.contexts;
    const before = this.#before;
    const expected = this.#history[this.#repeat & (this.#history.length - 1)] as number;
    const trust = this.#repeatLength < 16 ? this.#repeatLength : 8 + (this.#repeatLength >> 1);
    contexts[0] = this.#repeatLength === 0 ? 0 : expected | (trust << 8);
    contexts[1] = (before & 0xff) | (1 << 28);
    contexts[2] = (before & 0xffff) | (2 << 28);
    contexts[3] = (before & 0xffffff) | (3 << 28);
    contexts[4] = Math.imul(before, 0x9e3779b1) + 4;
    contexts[5] = Math.imul(before, 0x9e3779b1) + Math.imul(this.#earlier & 0xffff, 0x85ebca6b) + 5;
    contexts[6] =
      this.#repeatLength === 0 ? (before & 0xf0f0f0) | (6 << 28) : expected | ((before & 0xff) << 8) | (7 << 28);
    const weights =
      this.#repeatLength === 0 ? 0 : this.#repeatLength < 16 ? 256 : this.#repeatLength < maxRepeat ? 512 : 768;
    const coded = this.#bytes.codeByte(this.#coder, weights, byte);
    if (this.#repeatLength > 0) {
      this.#repeatLength = coded === expected ? Math.min(this.#repeatLength + 1, maxRepeat) : 0;
      this.#repeat++;
    }
    this.#push(coded);
    return coded;
  }

  #push(byte: number): void {
    this.#earlier = (this.#earlier << 8) | (this.#before >>> 24);
    this.#before = (this.#before << 8) | byte;
    this.#history[this.#end++ & (this.#history.length - 1)] = byte;
    const hash = Math.imul(Math.imul(this.#before, 0x2c1b3c6d) + (this.#earlier & 0xff), 0x297a2d39);
    const slot = (hash ^ (hash >>> 15)) & (this.#places.length - 1);
    if (this.#repeatLength === 0) {
      const place = (this.#places[slot] as number) - 1;
      if (place >= 0 && this.#end - place <= this.#history.length) this.#resume(place);
    }
    this.#places[slot] = this.#end + 1;
  }

  /** Follows the repetition that goes on at `place` when its last bytes are the last bytes coded. */
  #resume(place: number): void {
    const mask = this.#history.length - 1;
    let agreed = 0;
    while (
      agreed < maxRepeat &&
      agreed < place &&
      this.#history[(place - 1 - agreed) & mask] === this.#history[(this.#end - 1 - agreed) & mask]
    ) {
      agreed++;
    }
    if (agreed < leastRepeat) return;
    this.#repeat = place;
    this.#repeatLength = agreed;
  }
}
