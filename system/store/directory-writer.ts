/**
 * Writes a store in a folder of this machine. Objects appear by rename or link, so a reader never sees half of one;
 * compare-and-swap runs under a lock.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { streamDigest } from '../../contract/stream-digest.ts';
import { createFile, replaceFile } from '../files/durable-file.ts';
import { countedSource } from './counted-source.ts';
import { directoryError, isNoSuchFile } from './directory-errors.ts';
import { lockFolder } from './directory-lock.ts';
import { fileOf, freshDirectoryReader } from './directory-reader.ts';
import { objectStream } from './object-stream.ts';
import { type ListedObject, maxSwappedBytes, type StoreWriter } from './writer.ts';

/** Temporary files of a publisher that was killed are removed by a later one after this long. */
const abandonedAfterMs = 24 * 3600 * 1000;

export function directoryWriter(folder: string): StoreWriter {
  const reader = freshDirectoryReader(folder);
  const temporaryFolder = path.join(path.resolve(folder), '.tmp');
  let swept: Promise<void> | undefined;
  const sweepOnce = () => {
    swept ??= sweep(temporaryFolder);
    return swept;
  };
  return {
    ...reader,
    async holds(key, { length, sha256 }) {
      const there = await reader.stat(key);
      if (!there) return 'absent';
      if (there.length !== length) return 'other';
      return (await streamDigest(await objectStream(reader, key))) === sha256 ? 'same' : 'other';
    },
    async putNew(key, bytes) {
      await sweepOnce();
      const created = await orRefused(key, () => createFile(fileOf(folder, key), bytes, 0o644, temporaryFolder));
      return created ? 'created' : 'exists';
    },
    async compareAndSwap(key, etag, bytes) {
      const lock = await orRefused('the lock of the store', () => lockFolder(folder));
      try {
        const current = await reader.readWhole(key, maxSwappedBytes);
        if (current?.etag !== etag) return 'changed';
        await orRefused(key, () => replaceFile(fileOf(folder, key), bytes, { temporaryFolder }));
        return 'swapped';
      } finally {
        lock.release();
      }
    },
    list: (prefix) => listFolder(folder, prefix),
    remove: (key) => orRefused(key, () => rm(fileOf(folder, key), { force: true })),
    async putBlob(key, source, onBytes) {
      await sweepOnce();
      const content = countedSource(source, key, onBytes);
      await orRefused(key, () => replaceFile(fileOf(folder, key), content, { temporaryFolder }));
    },
  };
}

async function* listFolder(folder: string, prefix: string): AsyncGenerator<ListedObject> {
  const found = await orRefused(prefix, () =>
    readdir(fileOf(folder, prefix), { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (isNoSuchFile(error)) return [];
      throw error;
    }),
  );
  for (const entry of found) {
    const file = path.join(entry.parentPath, entry.name);
    const stats = entry.isFile() ? await stat(file).catch(() => undefined) : undefined;
    const key = path.relative(path.resolve(folder), file).split(path.sep).join('/');
    if (stats) yield { key, length: stats.size, modified: stats.mtime };
  }
}

async function sweep(temporaryFolder: string): Promise<void> {
  for (const name of await readdir(temporaryFolder).catch(() => [])) {
    const file = path.join(temporaryFolder, name);
    const found = await stat(file).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(file, { force: true });
  }
}

async function orRefused<T>(key: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw directoryError(error, key);
  }
}
