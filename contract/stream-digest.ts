/** Computes the digest of bytes that are read once and not kept. */
import { createHash } from 'node:crypto';
import type { Digest } from './digest.ts';

/** @throws what reading throws */
export async function streamDigest(bytes: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest('hex');
}
