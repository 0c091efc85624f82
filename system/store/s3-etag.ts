/**
 * Computes the ETag that S3 gives an object: the MD5 of its bytes, or of a multipart upload the MD5 of the parts' MD5s
 * and their count. By it a store tells what it holds without sending it. Objects under SSE-KMS have others, which tell
 * nothing.
 */
import { createHash } from 'node:crypto';

/** Without quotes. @param partBytes length of each part but the last; undefined for an object that was sent whole */
export async function etagOf(bytes: AsyncIterable<Uint8Array>, partBytes: number | undefined): Promise<string> {
  const parts: Buffer[] = [];
  let part = createHash('md5');
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, (partBytes ?? Number.POSITIVE_INFINITY) - filled);
      part.update(chunk.subarray(at, at + taken));
      at += taken;
      filled += taken;
      if (filled !== partBytes) continue;
      parts.push(part.digest());
      part = createHash('md5');
      filled = 0;
    }
  }
  if (partBytes === undefined) return part.digest('hex');
  if (filled > 0) parts.push(part.digest());
  return `${createHash('md5').update(Buffer.concat(parts)).digest('hex')}-${parts.length}`;
}
