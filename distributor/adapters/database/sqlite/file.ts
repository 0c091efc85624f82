/**
 * Opens the file of a SQLite fleet. The file is made as a whole or not at all, brought up to date, and told apart from
 * a file that was emptied, cut short or never held a fleet. One server at a time holds the folder.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SlipwayError } from '../../../../contract/errors.ts';
import { fleetMigrations } from '../fleet-migrations.ts';
import type { FleetTables } from '../fleet-tables.ts';

export const busyTimeoutMs = 5000;
/** A server that is just ending gets so long to let go. */
const serverLockTimeoutMs = 2000;
const headerBytes = 100;

export function fleetFile(folder: string): string {
  return path.join(folder, 'fleet.sqlite');
}

export function openFile(file: string): Database.Database {
  const database = new Database(file, { timeout: busyTimeoutMs });
  // Before the first table, or it has no effect.
  database.pragma('auto_vacuum = incremental');
  database.pragma('journal_mode = WAL');
  // An acknowledged report must survive a power cut: the device forgets it.
  database.pragma('synchronous = FULL');
  database.pragma('temp_store = MEMORY');
  return database;
}

/**
 * Sees to it that the folder holds a fleet with the tables of today.
 * @param mayMake makes folder and fleet where there are none
 * @throws SlipwayError `state-missing`, `database-damaged`, and what SQLite and the file system throw
 */
export async function prepareFile(folder: string, mayMake: boolean): Promise<void> {
  const file = fleetFile(folder);
  if (!mayMake && !existsSync(file) && !existsSync(`${file}-wal`)) throw missing(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // One process at a time, held by an exclusive transaction on a file beside the database.
  const lock = new Database(path.join(folder, 'migration-lock.sqlite'), { timeout: busyTimeoutMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    if (existsSync(file)) {
      checkWhole(file);
      await migrate(file);
    } else if (existsSync(`${file}-wal`)) {
      throw damaged(folder, 'fleet.sqlite is gone and what belongs to it is there');
    } else {
      await make(folder, file);
    }
  } finally {
    lock.close();
  }
}

/**
 * The folder belongs to this process alone as a server until it lets go or ends, however it ends.
 * @returns what lets it go
 * @throws SlipwayError `already-running`
 */
export function holdFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = new Database(path.join(folder, 'server-lock.sqlite'), { timeout: serverLockTimeoutMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if ((cause as { code?: string }).code !== 'SQLITE_BUSY') throw cause;
    throw new SlipwayError('already-running', `another server works on the fleet's state in ${folder}`, {
      cause,
      hint: 'Stop it first, give each server a --state of its own, or use PostgreSQL for several replicas.',
    });
  }
  return () => lock.close();
}

/** Whatever SQLite or the file system threw, as the operator is told of it. */
export function problemOf(folder: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test((error as { code?: string }).code ?? '')) return damaged(folder, reason, error);
  return new SlipwayError('database-unavailable', `the fleet's state in ${folder} cannot be used: ${reason}`, {
    cause: error,
    hint: 'Check that the folder is writable, that the disk has room, and that no other program holds it.',
  });
}

/** A file that has its name holds all tables: a process that is killed here leaves only a file of another name. */
async function make(folder: string, file: string): Promise<void> {
  const fresh = `${file}.new`;
  for (const rest of [fresh, `${fresh}-wal`, `${fresh}-shm`]) rmSync(rest, { force: true });
  await migrate(fresh);
  renameSync(fresh, file);
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Kysely commits each statement by itself unless the dialect says that tables are changed in a transaction; SQLite's are. */
class InOneTransactionAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class InOneTransactionDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new InOneTransactionAdapter();
  }
}

/** All that is missing comes at once: a process that is killed here leaves the tables as they were. */
async function migrate(file: string): Promise<void> {
  const db = new Kysely<FleetTables>({ dialect: new InOneTransactionDialect({ database: openFile(file) }) });
  try {
    const { error } = await new Migrator({ db, provider: fleetMigrations('sqlite') }).migrateToLatest();
    if (error) throw error;
  } finally {
    await db.destroy();
  }
}

/** SQLite takes a file without a byte for a new database, and one cut short for whole until it reads the lost part. */
function checkWhole(file: string): void {
  const folder = path.dirname(file);
  const { size } = statSync(file);
  if (size === 0) throw damaged(folder, 'fleet.sqlite is empty');
  const expected = bytesByHeader(file);
  // What the journal holds is not in the file yet, and the file may be behind its own header.
  const hasJournal = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (size < headerBytes || (!hasJournal && size < expected)) {
    throw damaged(folder, `fleet.sqlite has ${size} of ${Math.max(expected, headerBytes)} bytes`);
  }
  const database = new Database(file, { readonly: true, timeout: busyTimeoutMs });
  try {
    const found = database.prepare("select 1 from sqlite_schema where name = 'kysely_migration'").get();
    if (found === undefined) throw damaged(folder, 'fleet.sqlite holds no fleet');
  } finally {
    database.close();
  }
}

/** Page size times page count (SQLite file format, 1.3). */
function bytesByHeader(file: string): number {
  const header = Buffer.alloc(headerBytes);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header, 0, headerBytes, 0);
  } finally {
    closeSync(descriptor);
  }
  const pageSize = header.readUInt16BE(16);
  return (pageSize === 1 ? 65_536 : pageSize) * header.readUInt32BE(28);
}

function missing(folder: string): SlipwayError {
  return new SlipwayError('state-missing', `there is no fleet's state in ${path.resolve(folder)}`, {
    hint: 'Give the --state of the server (SLIPWAY_STATE), or ask it with --server. slipway-distributor serve makes a new state.',
  });
}

function damaged(folder: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('database-damaged', `the fleet's state in ${path.resolve(folder)} is damaged: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Restore the folder from a backup. To begin with an empty fleet instead, move its files away first.',
  });
}
