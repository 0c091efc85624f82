/**
 * Computes Adler-32 (RFC 1950 section 8), the checksum that xdelta3 adds to a window. It finds accidents, not attacks.
 */

const modulus = 65521;
/** The most bytes that can be summed before the second sum leaves 32 bits (zlib's NMAX). */
const blockBytes = 5552;

/** An unsigned 32-bit number. */
export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const end = Math.min(start + blockBytes, bytes.length);
    for (let i = start; i < end; i++) {
      a += bytes[i] as number;
      b += a;
    }
    a %= modulus;
    b %= modulus;
  }
  return b * 65536 + a;
}
