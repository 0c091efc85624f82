/** Reads a file back for its digest, through one buffer: fresh ones would stay as memory that nobody uses. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Digest } from '../../../contract/digest.ts';
import { asDiskError } from '../../../system/files/durable-file-sync.ts';

const maxBufferBytes = 512 * 1024;

/** @throws SlipwayError codes of the disk, also where the file is a link */
export async function digestOfFile(file: string): Promise<Digest> {
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    const hash = createHash('sha256');
    // One byte more than the file has: the first reading is short, which says that there is no more.
    const buffer = Buffer.allocUnsafeSlow(Math.min(maxBufferBytes, (await handle.stat()).size + 1));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    throw asDiskError(`read ${file}`, error);
  }
}
