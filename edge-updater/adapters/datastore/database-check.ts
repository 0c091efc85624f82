/** Opens a datastore to see whether it is whole, without changing a byte of it. */
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { exists, remove } from '../../../system/files/durable-file-sync.ts';
import type { DataSet } from '../../adoption/data-set.ts';
import { etcdFileIn, membersOfFile } from '../disk/etcd-file.ts';

/** Of a box that may be running: an etcd that writes meanwhile cannot be told from one that is damaged. */
export async function requireWholeLive(dataDir: string, { sqlite }: DataSet): Promise<void> {
  if (sqlite !== undefined) await requireWholeSqlite(path.join(dataDir, sqlite));
}

/**
 * A cluster may have grown since the box was adopted: one member's past must not come back to it.
 * @throws SlipwayError `datastore-not-restorable`
 */
export function requireAlone(dataDir: string, { etcd }: DataSet): void {
  const members = etcd === undefined ? undefined : membersOf(path.join(dataDir, etcd));
  if (members === undefined || members <= 1) return;
  throw new SlipwayError(
    'datastore-not-restorable',
    `the etcd has ${members} members, it had one when it was adopted`,
    {
      hint: 'Stop slipway-edge, run slipway-edge adopt once more, and start it.',
    },
  );
}

/**
 * The index of a write-ahead log, relative as the database is. It is memory that processes share: SQLite makes it anew for
 * whoever opens the database first, and nobody flushes it.
 */
export function logIndexOf({ sqlite }: DataSet): string | undefined {
  return sqlite === undefined ? undefined : `${sqlite}-shm`;
}

/**
 * @param root of a copy, which stays as it is but for the index of its log, which goes
 * @throws SlipwayError `datastore-damaged`
 */
export async function requireWholeCopy(root: string, set: DataSet): Promise<void> {
  const { sqlite, etcd } = set;
  if (etcd !== undefined) requireWholeEtcd(path.join(root, etcd));
  if (sqlite === undefined) return;
  try {
    await requireWholeSqlite(path.join(root, sqlite));
  } finally {
    // The reader has made it anew.
    remove(path.join(root, logIndexOf(set) ?? ''));
  }
}

async function requireWholeSqlite(file: string): Promise<void> {
  if (!exists(file)) return;
  const { DatabaseSync } = await import('node:sqlite');
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
    try {
      const answer = database.prepare('pragma quick_check(1)').get() as { quick_check?: string } | undefined;
      if (answer?.quick_check !== 'ok') throw new Error(answer?.quick_check ?? 'no answer');
    } finally {
      database.close();
    }
  } catch (cause) {
    throw damaged(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function requireWholeEtcd(folder: string): void {
  const file = etcdFileIn(folder);
  if (exists(file) && membersOfFile(file) === undefined) throw damaged(file, 'it names no member');
}

/** Undefined where that cannot be told. */
function membersOf(folder: string): number | undefined {
  const file = etcdFileIn(folder);
  return exists(file) ? membersOfFile(file) : undefined;
}

function damaged(file: string, reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('datastore-damaged', `${file}: ${reason}`, {
    ...{ cause, hint: 'Repair or restore the datastore by the means of its distribution; no update begins before.' },
  });
}
