/**
 * Seals a delta by its last bytes: the beginning of the SHA-256 of all before them. The seal is against accidents, not
 * against enemies: coders have bits that decide nothing, and with the seal no changed byte passes unseen.
 */
import { createHash } from 'node:crypto';
import { SlipwayError } from '../contract/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { digestOf } from './chunks.ts';
import { sliceSource } from './slice-source.ts';

export const sealBytes = 8;

/** Gathers what is written and gives the seal at the end. */
export class Seal {
  readonly #hash = createHash('sha256');

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  finish(): Uint8Array {
    return this.#hash.digest().subarray(0, sealBytes);
  }
}

/** @throws SlipwayError `delta-malformed` when a byte is not as it was written */
export function checkSeal(delta: ByteSource): void {
  const end = delta.length - sealBytes;
  const seal = new Uint8Array(sealBytes);
  delta.readInto(seal, end);
  const expected = digestOf(sliceSource(delta, 0, end)).slice(0, 2 * sealBytes);
  const found = Buffer.from(seal).toString('hex');
  if (found === expected) return;
  throw new SlipwayError('delta-malformed', `expected a delta with the seal ${expected}, found ${found}`, {
    hint: 'The delta is damaged; fetch it again.',
  });
}
