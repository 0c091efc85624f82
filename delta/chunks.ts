/** Reads a byte source from its first to its last byte. */
import { createHash } from 'node:crypto';
import type { Digest } from '../contract/digest.ts';
import type { ByteSource } from './byte-source.ts';

const chunkBytes = 256 * 1024;

/** Every byte in order; each chunk is the same buffer again. */
export function* chunksOf(source: ByteSource): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(chunkBytes, source.length));
  for (let offset = 0; offset < source.length; offset += chunkBytes) {
    const chunk = buffer.subarray(0, Math.min(chunkBytes, source.length - offset));
    source.readInto(chunk, offset);
    yield chunk;
  }
}

/** @param checkStopped asked between chunks; throws to stop */
export function digestOf(source: ByteSource, checkStopped?: () => void): Digest {
  const hash = createHash('sha256');
  for (const chunk of chunksOf(source)) {
    checkStopped?.();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
