/** Reads a store in a folder of this machine. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { directoryError, isNoSuchFile } from './directory-errors.ts';
import { type FileUse, OpenFiles } from './open-files.ts';
import type { ByteRange, OpenObject, StoreReader, WholeObject } from './reader.ts';

/** Files that many clients read at once are opened once, and kept for a moment: see OpenFiles. */
export function directoryReader(folder: string): StoreReader {
  return readerOver(folder, new OpenFiles());
}

/** Reads what is there now, for a writer beside it. */
export function freshDirectoryReader(folder: string): StoreReader {
  return readerOver(folder, new OpenFiles({ maxKept: 0 }));
}

/** Callers make keys from checked parts; this is the second lock on the same door (path traversal). */
export function fileOf(folder: string, key: string): string {
  const root = path.resolve(folder);
  const resolved = path.join(root, key);
  if (!resolved.startsWith(root + path.sep)) throw new SlipwayError('not-found', `${key} is not a key of a store`);
  return resolved;
}

function readerOver(folder: string, files: OpenFiles): StoreReader {
  const use = (key: string) => orMissing(key, () => files.use(fileOf(folder, key)));
  return {
    location: pathToFileURL(path.resolve(folder)).href,
    async stat(key) {
      const file = await use(key);
      file?.release();
      return file && { length: file.length };
    },
    async open(key, range) {
      const file = await use(key);
      return file && openObject(key, file, range ?? { first: 0, last: file.length - 1 });
    },
    readWhole: (key, maxBytes) => orMissing(key, () => readWhole(key, fileOf(folder, key), maxBytes)),
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
        throw directoryError(cause, key);
      });
      position += count;
      return count;
    },
    close: () => file.release(),
  };
}

/** Not by a shared descriptor: metadata changes under its name, and the newest is asked for. */
async function readWhole(key: string, name: string, maxBytes: number): Promise<WholeObject | undefined> {
  // Without waiting for a writer into a pipe.
  const file = await open(name, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return undefined;
    if (stats.size > maxBytes) throw tooLarge(key, maxBytes);
    const bytes = await readUpTo(file, stats.size);
    return { bytes, etag: sha256(bytes) };
  } finally {
    await file.close();
  }
}

/** Fewer bytes where the file became shorter meanwhile, and none of those that were appended. */
async function readUpTo(file: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function tooLarge(key: string, maxBytes: number): SlipwayError {
  return new SlipwayError('metadata-too-large', `${key} is longer than ${maxBytes} bytes`);
}

async function orMissing<T>(key: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    if (isNoSuchFile(error)) return undefined;
    throw directoryError(error, key);
  }
}
