/** Codes bytes of the new file that have no likeness in the old one, from the bytes before them. */
import type { BitCoder } from './bit-coder.ts';
import { ContextMixer } from './context-mixer.ts';

export class OwnModel {
  readonly #coder: BitCoder;
  readonly #bytes: ContextMixer;
  /** The four bytes before, the nearest lowest. */
  #before = 0;
  #earlier = 0;

  /** @param tableBits size of the tables of statistics, a power of two */
  constructor(coder: BitCoder, tableBits: number) {
    this.#coder = coder;
    this.#bytes = new ContextMixer({ inputs: 6, tableBits, weightSets: 256, countLimit: 200 });
  }

  /** Tells what precedes the next byte, at most the last 8 bytes of `bytes`. */
  follow(bytes: Uint8Array): void {
    for (let i = Math.max(0, bytes.length - 8); i < bytes.length; i++) this.#push(bytes[i] as number);
  }

  code(byte: number): number {
    const contexts = this.#bytes.contexts;
    const before = this.#before;
    contexts[0] = 0;
    contexts[1] = (before & 0xff) | (1 << 28);
    contexts[2] = (before & 0xffff) | (2 << 28);
    contexts[3] = (before & 0xffffff) | (3 << 28);
    contexts[4] = Math.imul(before, 0x9e3779b1) + 4;
    contexts[5] = Math.imul(before, 0x9e3779b1) + Math.imul(this.#earlier & 0xffff, 0x85ebca6b) + 5;
    const coded = this.#bytes.codeByte(this.#coder, byte);
    this.#push(coded);
    return coded;
  }

  #push(byte: number): void {
    this.#earlier = (this.#earlier << 8) | (this.#before >>> 24);
    this.#before = (this.#before << 8) | byte;
  }
}
