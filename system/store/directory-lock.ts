/**
 * Locks a store in a folder: one writer at a time holds `.lock`, and the kernel drops it when its holder dies (SQLite's
 * lock, well tried on local file systems).
 */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { SlipwayError } from '../../contract/errors.ts';
import { makeFolder } from '../files/durable-file.ts';

const waitMs = 20;
const maxWaits = 1500;

interface Lock {
  release(): void;
}

/** @throws SlipwayError `publish-contended` after 30 s; what the file system and SQLite throw */
export async function lockFolder(folder: string): Promise<Lock> {
  await makeFolder(folder);
  const database = new DatabaseSync(path.join(folder, '.lock'));
  try {
    for (let attempt = 0; attempt < maxWaits; attempt++) {
      if (tryBegin(database)) return { release: () => database.close() };
      await pause(waitMs);
    }
  } catch (error) {
    database.close();
    throw error;
  }
  database.close();
  throw new SlipwayError('publish-contended', 'another publisher holds the lock of the store', {
    hint: 'Run the same command again when it has finished.',
  });
}

/** The transaction never writes; it only holds the lock until the connection closes or the process ends. */
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
