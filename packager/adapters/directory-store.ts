/**
 * A store in a folder. Objects appear by rename or link, so a reader never sees half of one; compare-and-swap runs
 * under a lock on `.lock` that the kernel drops when its holder dies (SQLite's, well tried on local file systems).
 */
import { createHash } from 'node:crypto';
import { open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { SlipwayError } from '../../contract/errors.ts';
import { streamDigest } from '../../contract/stream-digest.ts';
import { createFile, diskError, makeFolder, replaceFile, systemCode } from '../../system/files/durable-file.ts';
import type { BlobSource, Holding, KnownObject, Store, StoredObject } from '../publish/ports.ts';

const lockWaitMs = 20;
const maxLockWaits = 1500;
/** Temporary files of a publisher that was killed are removed by a later one after this long. */
const abandonedAfterMs = 24 * 3600 * 1000;

export class DirectoryStore implements Store {
  readonly #folder: string;
  #swept = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async head(key: string): Promise<{ readonly length: number } | undefined> {
    try {
      const found = await stat(this.#path(key));
      return found.isFile() ? { length: found.size } : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storeError(error, key);
    }
  }

  async holds(key: string, { length, sha256 }: KnownObject): Promise<Holding> {
    const there = await this.head(key);
    if (!there) return 'absent';
    if (there.length !== length) return 'other';
    try {
      return (await streamDigest(await this.read(key))) === sha256 ? 'same' : 'other';
    } catch (error) {
      throw storeError(error, key);
    }
  }

  async get(key: string, maxBytes: number): Promise<StoredObject | undefined> {
    try {
      const handle = await open(this.#path(key), 'r');
      try {
        const { size } = await handle.stat();
        if (size > maxBytes) {
          throw new SlipwayError('metadata-too-large', `${key} has ${size} bytes, expected ${maxBytes} at most`);
        }
        const bytes = await handle.readFile();
        return { bytes, etag: etagOf(bytes) };
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storeError(error, key);
    }
  }

  async read(key: string): Promise<Readable> {
    if ((await this.head(key)) === undefined) {
      throw new SlipwayError('object-missing', `the store has no ${key}`);
    }
    const handle = await open(this.#path(key), 'r').catch((error: unknown) => {
      throw storeError(error, key);
    });
    return handle.createReadStream();
  }

  async putNew(key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    await this.#sweep();
    try {
      return (await createFile(this.#path(key), bytes, 0o644, this.#temporary)) ? 'created' : 'exists';
    } catch (error) {
      throw storeError(error, key);
    }
  }

  async compareAndSwap(key: string, etag: string, bytes: Uint8Array): Promise<'swapped' | 'changed'> {
    const lock = await this.#lock();
    try {
      const current = await this.get(key, Number.MAX_SAFE_INTEGER);
      if (current?.etag !== etag) return 'changed';
      await replaceFile(this.#path(key), bytes, { temporaryFolder: this.#temporary });
      return 'swapped';
    } catch (error) {
      throw storeError(error, key);
    } finally {
      lock.close();
    }
  }

  async putBlob(key: string, source: BlobSource, onBytes: (count: number) => void = () => undefined): Promise<void> {
    await this.#sweep();
    try {
      await replaceFile(this.#path(key), counted(source, key, onBytes), { temporaryFolder: this.#temporary });
    } catch (error) {
      throw storeError(error, key);
    }
  }

  async close(): Promise<void> {}

  get #temporary(): string {
    return path.join(this.#folder, '.tmp');
  }

  #path(key: string): string {
    return path.join(this.#folder, ...key.split('/'));
  }

  /** The transaction never writes; it only holds the lock until the connection closes or the process ends. */
  async #lock(): Promise<DatabaseSync> {
    try {
      await makeFolder(this.#folder);
      const database = new DatabaseSync(path.join(this.#folder, '.lock'));
      for (let attempt = 0; attempt < maxLockWaits; attempt++) {
        if (tryBegin(database)) return database;
        await pause(lockWaitMs);
      }
      database.close();
    } catch (error) {
      throw storeError(error, 'the lock of the store');
    }
    throw new SlipwayError('publish-contended', 'another publisher holds the lock of the store', {
      hint: 'Run the same command again when it has finished.',
    });
  }

  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    for (const name of await readdir(this.#temporary).catch(() => [])) {
      const file = path.join(this.#temporary, name);
      const found = await stat(file).catch(() => undefined);
      if (found && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(file, { force: true });
    }
  }
}

function tryBegin(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    // SQLITE_BUSY
    if ((error as { errcode?: unknown }).errcode === 5) return false;
    throw error;
  }
}

async function* counted(source: BlobSource, key: string, onBytes: (count: number) => void): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of source.open() as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    onBytes(chunk.length);
    yield chunk;
  }
  if (total !== source.length) {
    throw new SlipwayError('length-mismatch', `${key}: expected ${source.length} bytes, read ${total}`);
  }
}

function etagOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function isAbsent(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function storeError(error: unknown, key: string): SlipwayError {
  const cause = error instanceof SlipwayError ? error.cause : error;
  const code = systemCode(cause);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || isLockRefused(cause)) {
    return new SlipwayError('store-forbidden', `the store does not let this user reach ${key}`, {
      hint: 'Check who owns the folder of the store and how it is mounted.',
      cause,
    });
  }
  return diskError(error, key);
}

/** SQLITE_READONLY and SQLITE_CANTOPEN: the lock file cannot be made or opened. */
function isLockRefused(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return code === 8 || code === 14;
}
