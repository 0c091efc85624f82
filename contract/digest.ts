/** Defines SHA-256 digests, which are the names of all blobs. */
import { hash } from 'node:crypto';
import * as z from 'zod';

/** Lower-case hexadecimal SHA-256, 64 characters. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'expected a lower-case hexadecimal SHA-256');
export type Digest = z.infer<typeof digestSchema>;

export function sha256(bytes: Uint8Array): Digest {
  return hash('sha256', bytes, 'hex');
}
