/** The fleet's state in one SQLite file: durable at each commit, shared by the server and the command line. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SlipwayError } from '../../contract/errors.ts';
import type { FleetState } from '../fleet/ports.ts';
import { campaignRecords } from './campaign-records.ts';
import { deviceRecords } from './device-records.ts';
import { type FleetTables, fleetMigrations } from './fleet-tables.ts';
import { tokenRecords } from './token-records.ts';

const busyTimeoutMs = 5000;

/**
 * Opens `fleet.sqlite` in a folder that is made when missing, and brings its tables up to date.
 * @throws SlipwayError `database-unavailable`
 */
export async function openSqliteFleetState(folder: string): Promise<FleetState> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await migrate(folder);
    const db = new Kysely<FleetTables>({ dialect: new SqliteDialect({ database: openDatabase(folder) }) });
    const state: FleetState = {
      ...tokenRecords(db),
      ...deviceRecords(db),
      ...campaignRecords(db),
      async ping() {
        await db.selectFrom('declared').select('id').execute();
      },
      close: () => db.destroy(),
    };
    return namingFailures(state, folder);
  } catch (error) {
    throw unavailable(folder, error);
  }
}

function openDatabase(folder: string): Database.Database {
  const database = new Database(path.join(folder, 'fleet.sqlite'), { timeout: busyTimeoutMs });
  database.pragma('journal_mode = WAL');
  // An acknowledged report must survive a power cut: the device forgets it.
  database.pragma('synchronous = FULL');
  database.pragma('temp_store = MEMORY');
  return database;
}

/** One process at a time, held by an exclusive transaction on a file beside the database. */
async function migrate(folder: string): Promise<void> {
  const lock = new Database(path.join(folder, 'migration-lock.sqlite'), { timeout: busyTimeoutMs });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    const db = new Kysely<FleetTables>({ dialect: new SqliteDialect({ database: openDatabase(folder) }) });
    try {
      const { error } = await new Migrator({ db, provider: fleetMigrations }).migrateToLatest();
      if (error) throw error;
    } finally {
      await db.destroy();
    }
  } finally {
    lock.close();
  }
}

/** The same state, whose methods fail with `database-unavailable` where SQLite fails. */
function namingFailures(state: FleetState, folder: string): FleetState {
  return new Proxy(state, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return async (...given: unknown[]) => {
        try {
          return await member.apply(target, given);
        } catch (error) {
          throw unavailable(folder, error);
        }
      };
    },
  });
}

function unavailable(folder: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SlipwayError('database-unavailable', `the fleet's state in ${folder} cannot be used: ${reason}`, {
    cause: error,
    hint: 'Check that the folder is writable, that the disk has room, and that no other program holds it.',
  });
}
