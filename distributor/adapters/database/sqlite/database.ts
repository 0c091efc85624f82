/**
 * Runs the fleet's database on one SQLite file. Writes that arrive together are run one after the other in one
 * transaction and become durable by one flush of the disk: an acknowledged write survives a power cut, and a flood of
 * them does not wait for as many flushes. Reads have a connection of their own, so that they see only what is
 * committed.
 */
import type Database from 'better-sqlite3';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { FleetDatabase } from '../fleet-database.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, type Question, type StepAnswer } from '../step.ts';
import { SqliteAside } from './aside.ts';
import { busyTimeoutMs, fleetFile, holdFolder, openFile, prepareFile, problemOf } from './file.ts';
import { SqlitePlace } from './place.ts';

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

/** What the folder is opened for; see StateUse. */
export interface SqliteUse {
  readonly mayMake: boolean;
  readonly holdsAlone: boolean;
}

/**
 * Opens `fleet.sqlite` in a folder and brings its tables up to date.
 * @throws SlipwayError `database-unavailable`, `database-damaged`, `state-missing`, `already-running`
 */
export async function openSqliteDatabase(folder: string, use: SqliteUse): Promise<FleetDatabase> {
  let letGo = () => {};
  try {
    if (use.holdsAlone) letGo = holdFolder(folder);
    await prepareFile(folder, use.mayMake);
    return new SqliteDatabase(folder, letGo);
  } catch (error) {
    letGo();
    throw problemOf(folder, error);
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
  readonly #letGo: () => void;
  readonly #place: SqlitePlace;
  #waiting: Write[] = [];
  #isScheduled = false;

  constructor(folder: string, letGo: () => void) {
    this.location = folder;
    this.#letGo = letGo;
    this.#writer = openFile(fleetFile(folder));
    this.#reader = openFile(fleetFile(folder));
    this.#reader.pragma('query_only = true');
    this.#place = new SqlitePlace(fleetFile(folder));
    this.#aside = new SqliteAside({ file: fleetFile(folder), busyTimeoutMs });
  }

  async read<T>(step: () => DatabaseStep<T>): Promise<T> {
    this.#ask(this.#reader, look);
    try {
      return this.#run(this.#reader, step());
    } finally {
      if (this.#reader.inTransaction) this.#ask(this.#reader, commit);
    }
  }

  async readAside<T>(step: () => DatabaseStep<T>): Promise<T> {
    try {
      const pages = this.#reader.pragma('page_count', { simple: true }) as number;
      if (pages >= manyPages) return await this.#aside.read(step);
    } catch (error) {
      throw problemOf(this.location, error);
    }
    return this.read(step);
  }

  readOften<T>(step: () => DatabaseStep<T>): Promise<T> {
    return this.read(step);
  }

  /** One process has the file's lock from the first to the last write of a transaction: locks need no names here. */
  write<T>(step: () => DatabaseStep<T>): Promise<T> {
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

  writeOften<T>(step: () => DatabaseStep<T>): Promise<T> {
    return this.write(step);
  }

  /** One process serves from a file, so it leads. */
  asLeader<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  /** Also writes, durably and nothing new: a disk that fails or is read-only tells of it only then. */
  async checkPlace(): Promise<void> {
    await this.#place.check();
    const probe = this.builder.updateTable('in_force').set((eb) => ({ revision: eb.ref('revision') }));
    await this.write(() => affectedBy(probe));
  }

  async reclaim(): Promise<void> {
    try {
      this.#writer.pragma(`incremental_vacuum(${reclaimedPages})`);
    } catch (error) {
      throw problemOf(this.location, error);
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
    this.#letGo();
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

  #run<T>(connection: Database.Database, step: DatabaseStep<T>): T {
    let next = step.next();
    while (!next.done) next = step.next(this.#ask(connection, next.value));
    return next.value;
  }

  #ask(connection: Database.Database, question: Question): StepAnswer {
    try {
      const statement = this.#statement(connection, question);
      if (statement.reader) return { rows: statement.all(question.values), affected: 0 };
      return { rows: [], affected: statement.run(question.values).changes };
    } catch (error) {
      throw problemOf(this.location, error);
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
