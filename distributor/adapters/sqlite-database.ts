/**
 * One SQLite file as the fleet's database. Writes that arrive together are run one after the other in one transaction
 * and become durable by one flush of the disk: an acknowledged write survives a power cut, and a flood of them does not
 * wait for as many flushes. Reads have a connection of their own, so that they see only what is committed.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { DummyDriver, Kysely, SqliteAdapter, SqliteDialect, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SlipwayError } from '../../contract/errors.ts';
import type { FleetDatabase } from './fleet-database.ts';
import { fleetMigrations } from './fleet-migrations.ts';
import type { FleetTables } from './fleet-tables.ts';
import { SqliteAside } from './sqlite-aside.ts';
import type { Answer, Question, Step } from './step.ts';

const busyTimeoutMs = 5000;
/** More wait for the next transaction, so that other requests get their turn. */
const maxWritesTogether = 256;
/** A file of 16 MiB, some 3,000 devices: a smaller one is counted in a few milliseconds. */
const manyPages = 4096;
/** Pages given back to the file system at once. */
const reclaimedPages = 2000;

interface Write {
  run(): void;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Opens `fleet.sqlite` in a folder that is made when missing, and brings its tables up to date.
 * @throws SlipwayError `database-unavailable`
 */
export async function openSqliteDatabase(folder: string): Promise<FleetDatabase> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await migrate(folder);
    return new SqliteDatabase(folder);
  } catch (error) {
    throw unavailable(folder, error);
  }
}

class SqliteDatabase implements FleetDatabase {
  readonly location: string;
  readonly builder = new Kysely<FleetTables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  readonly #writer: Database.Database;
  readonly #reader: Database.Database;
  readonly #aside: SqliteAside;
  readonly #statements = new WeakMap<Database.Database, Map<string, Database.Statement>>();
  readonly #listeners: (() => void)[] = [];
  #waiting: Write[] = [];
  #isScheduled = false;

  constructor(folder: string) {
    this.location = folder;
    this.#writer = openFile(folder);
    this.#reader = openFile(folder);
    this.#reader.pragma('query_only = true');
    this.#aside = new SqliteAside({ file: fileIn(folder), busyTimeoutMs });
  }

  async read<T>(step: () => Step<T>): Promise<T> {
    this.#ask(this.#reader, look);
    try {
      return this.#run(this.#reader, step());
    } finally {
      if (this.#reader.inTransaction) this.#ask(this.#reader, commit);
    }
  }

  async readAside<T>(step: () => Step<T>): Promise<T> {
    const pages = this.#reader.pragma('page_count', { simple: true }) as number;
    if (pages < manyPages) return this.read(step);
    try {
      return await this.#aside.read(step);
    } catch (error) {
      throw unavailable(this.location, error);
    }
  }

  /** One process has the file's lock from the first to the last write of a transaction: locks need no names here. */
  write<T>(step: () => Step<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: { readonly value: T } | undefined;
      this.#waiting.push({
        run: () => {
          result = { value: this.#run(this.#writer, step()) };
        },
        resolve: () => result && resolve(result.value),
        reject,
      });
      this.#schedule();
    });
  }

  /** One process serves from a file, so it leads. */
  asLeader<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  async reclaim(): Promise<void> {
    try {
      this.#writer.pragma(`incremental_vacuum(${reclaimedPages})`);
    } catch (error) {
      throw unavailable(this.location, error);
    }
  }

  onLoss(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#writeTogether();
    await this.#aside.close();
    this.#reader.close();
    this.#writer.close();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // After everything that this turn of the event loop brings: those writes share a transaction.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#writeTogether();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #writeTogether(): void {
    const writes = this.#waiting.slice(0, maxWritesTogether);
    this.#waiting = this.#waiting.slice(writes.length);
    if (writes.length === 0) return;
    const done: Write[] = [];
    try {
      this.#ask(this.#writer, begin);
      for (const write of writes) {
        if (this.#writeOne(write)) done.push(write);
      }
      this.#ask(this.#writer, commit);
    } catch (error) {
      if (this.#writer.inTransaction) this.#writer.exec('rollback');
      for (const listener of this.#listeners) listener();
      for (const write of writes) write.reject(error);
      return;
    }
    for (const write of done) write.resolve();
  }

  /** @returns whether it is to be committed; one that failed has left nothing and takes no other with it */
  #writeOne(write: Write): boolean {
    this.#ask(this.#writer, savepoint);
    try {
      write.run();
    } catch (error) {
      // A database that failed altogether has given up the whole transaction.
      if (!this.#writer.inTransaction) throw error;
      this.#ask(this.#writer, undo);
      this.#ask(this.#writer, release);
      write.reject(error);
      return false;
    }
    this.#ask(this.#writer, release);
    return true;
  }

  #run<T>(connection: Database.Database, step: Step<T>): T {
    let next = step.next();
    while (!next.done) next = step.next(this.#ask(connection, next.value));
    return next.value;
  }

  #ask(connection: Database.Database, question: Question): Answer {
    try {
      const statement = this.#statement(connection, question);
      if (statement.reader) return { rows: statement.all(question.values), affected: 0 };
      return { rows: [], affected: statement.run(question.values).changes };
    } catch (error) {
      throw unavailable(this.location, error);
    }
  }

  #statement(connection: Database.Database, { sql, name }: Question): Database.Statement {
    if (name === undefined) return connection.prepare(sql);
    const known = this.#statements.get(connection) ?? new Map<string, Database.Statement>();
    this.#statements.set(connection, known);
    const statement = known.get(name) ?? connection.prepare(sql);
    known.set(name, statement);
    return statement;
  }
}

const plain = (sql: string): Question => ({ sql, values: [], name: sql });
const [look, begin, commit] = [plain('begin'), plain('begin immediate'), plain('commit')];
const [savepoint, release, undo] = [plain('savepoint write'), plain('release write'), plain('rollback to write')];

function fileIn(folder: string): string {
  return path.join(folder, 'fleet.sqlite');
}

function openFile(folder: string): Database.Database {
  const database = new Database(fileIn(folder), { timeout: busyTimeoutMs });
  // Before the first table, or it has no effect.
  database.pragma('auto_vacuum = incremental');
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
    const db = new Kysely<FleetTables>({ dialect: new SqliteDialect({ database: openFile(folder) }) });
    try {
      const { error } = await new Migrator({ db, provider: fleetMigrations('sqlite') }).migrateToLatest();
      if (error) throw error;
    } finally {
      await db.destroy();
    }
  } finally {
    lock.close();
  }
}

function unavailable(folder: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SlipwayError('database-unavailable', `the fleet's state in ${folder} cannot be used: ${reason}`, {
    cause: error,
    hint: 'Check that the folder is writable, that the disk has room, and that no other program holds it.',
  });
}
