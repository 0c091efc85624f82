/** A store in a folder of this machine: the embedded default. */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { ByteRange, OpenObject, StoreReader } from '../../catalog/ports.ts';
import { type FileUse, OpenFiles } from './open-files.ts';

export function directoryStore(folder: string): StoreReader {
  const root = path.resolve(folder);
  const files = new OpenFiles();
  const use = (key: string) => orMissing(key, () => files.use(resolveKey(root, key)));
  return {
    location: pathToFileURL(root).href,
    async stat(key) {
      const file = await use(key);
      file?.release();
      return file && { length: file.length };
    },
    async open(key, range) {
      const file = await use(key);
      return file && openObject(key, file, range ?? { first: 0, last: file.length - 1 });
    },
    readWhole: (key, maxBytes) => orMissing(key, () => readWhole(key, resolveKey(root, key), maxBytes)),
    presign: async () => undefined,
    close: async () => files.close(),
  };
}

function openObject(key: string, file: FileUse, { first, last }: ByteRange): OpenObject {
  let position = first;
  return {
    length: last - first + 1,
    async read(into) {
      if (position > last) return 0;
      const count = await file.read(into, last + 1 - position, position).catch((cause) => {
        throw failure(key, cause);
      });
      position += count;
      return count;
    },
    close: () => file.release(),
  };
}

/** Not by a shared descriptor: metadata changes under its name, and the newest is asked for. */
async function readWhole(key: string, name: string, maxBytes: number) {
  const file = await open(name, 'r');
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return undefined;
    if (stats.size > maxBytes) {
      throw new SlipwayError('metadata-too-large', `${key} has ${stats.size} bytes, ${maxBytes} are allowed`);
    }
    const bytes = await file.readFile();
    return { bytes, etag: sha256(bytes) };
  } finally {
    await file.close();
  }
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
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw failure(key, cause);
  }
}

function failure(key: string, cause: unknown): SlipwayError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new SlipwayError('store-forbidden', `${key} may not be read: ${code}`, {
      cause,
      hint: 'Let the user that the distributor runs as read the store.',
    });
  }
  return new SlipwayError('io-error', `${key} cannot be read: ${code ?? String(cause)}`, { cause });
}
