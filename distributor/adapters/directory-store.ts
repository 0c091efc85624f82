/** A store in a folder of this machine: the embedded default. */
import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { StoreReader } from '../catalog/ports.ts';

/** One read: large enough to be fast, small enough that slow clients cost little memory. */
const chunkBytes = 128 * 1024;

export function directoryStore(folder: string): StoreReader {
  const root = path.resolve(folder);
  return {
    location: pathToFileURL(root).href,
    async stat(key) {
      const found = await orMissing(key, () => stat(resolveKey(root, key)));
      return found?.isFile() ? { length: found.size } : undefined;
    },
    async open(key, range) {
      const opened = await openFile(root, key);
      if (!opened) return undefined;
      const { file, stats } = opened;
      const { first, last } = range ?? { first: 0, last: stats.size - 1 };
      const length = last - first + 1;
      // The stream owns the file from here on and closes it, also when it is destroyed early.
      const stream = file.createReadStream({ start: first, end: Math.max(last, first), highWaterMark: chunkBytes });
      return { length, stream };
    },
    async readWhole(key, maxBytes) {
      const opened = await openFile(root, key);
      if (!opened) return undefined;
      const { file, stats } = opened;
      try {
        if (stats.size > maxBytes) {
          throw new SlipwayError('metadata-too-large', `${key} has ${stats.size} bytes, ${maxBytes} are allowed`);
        }
        const bytes = await file.readFile();
        return { bytes, etag: sha256(bytes) };
      } finally {
        await file.close();
      }
    },
    presign: async () => undefined,
    close: async () => {},
  };
}

async function openFile(root: string, key: string): Promise<{ file: FileHandle; stats: Stats } | undefined> {
  const file = await orMissing(key, () => open(resolveKey(root, key), 'r'));
  if (!file) return undefined;
  const stats = await file.stat();
  if (stats.isFile()) return { file, stats };
  await file.close();
  return undefined;
}

/** Callers make keys from checked parts; this is the second lock on the same door (path traversal). */
function resolveKey(root: string, key: string): string {
  const resolved = path.join(root, key);
  if (!resolved.startsWith(root + path.sep)) throw new SlipwayError('not-found', `${key} is no key of a store`);
  return resolved;
}

async function orMissing<T>(key: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new SlipwayError('store-forbidden', `${key} may not be read: ${code}`, {
        cause,
        hint: 'Let the user that the distributor runs as read the store.',
      });
    }
    throw new SlipwayError('io-error', `${key} cannot be read: ${code ?? String(cause)}`, { cause });
  }
}
