/** The digest of a DEFLATE stream, as the golden files hold it. */
import { createHash } from 'node:crypto';
import { createDeflateEncoder, type DeflateSettings } from '../../../delta/flate/encoder.ts';

/** First 16 digits of the digest of the stream, with the sample written in pieces of `chunk` bytes. */
export function streamDigest(bytes: Uint8Array, settings: DeflateSettings, chunk: number): string {
  const hash = createHash('sha256');
  const encoder = createDeflateEncoder(settings, (view) => hash.update(view));
  for (let at = 0; at < bytes.length; at += chunk) encoder.write(bytes.subarray(at, at + chunk));
  encoder.finish();
  return hash.digest('hex').slice(0, 16);
}
