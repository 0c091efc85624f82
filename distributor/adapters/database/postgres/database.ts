/**
 * Runs the fleet's database on PostgreSQL, for several replicas, with or without a pooler in between. What comes in
 * floods is committed in groups, everything else in a transaction of its own. A database that goes away fails what is
 * under way with `database-unavailable`; the next step connects anew.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import type pg from 'pg';
import { SlipwayError } from '../../../../contract/errors.ts';
import type { FleetDatabase, OftenUse } from '../fleet-database.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep } from '../step.ts';
import {
  connected,
  GroupFailed,
  isFull,
  isToTryAgain,
  patientPool,
  runStep,
  stateOf,
  unavailable,
  withoutCredentials,
} from './connection.ts';
import { Floods, mayGoAlone, type WaitingStep } from './floods.ts';
import { PostgresLead } from './lead.ts';
import { migratePostgres } from './migration.ts';
import { type StepResult, sideBySide } from './side-by-side.ts';
import { type Term, transaction } from './transaction.ts';

const connections = 10;
/** For reads that take the longer the larger the fleet is: they wait for each other, and nobody else for them. */
const connectionsAside = 2;
const asideTimeoutMs = 120_000;
const maxTries = 5;
/** A group does not wait longer for a lock that another replica keeps: its steps wait on their own then. */
const groupLockTimeoutMs = 2000;

/**
 * Connects, and brings the tables up to date.
 * @param url postgres://user:password@host:port/name; what it leaves out comes from PGUSER, PGPASSWORD and so on
 * @param mayMake makes the tables where there are none
 * @throws SlipwayError `database-unavailable`, `state-missing`
 */
export async function openPostgresDatabase(url: string, mayMake: boolean): Promise<FleetDatabase> {
  const location = withoutCredentials(url);
  try {
    await migratePostgres(url, mayMake);
    return new PostgresDatabase(location, url);
  } catch (error) {
    throw unavailable(location, error);
  }
}

class PostgresDatabase implements FleetDatabase {
  readonly location: string;
  readonly builder = new Kysely<FleetTables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  readonly #pool: pg.Pool;
  readonly #aside: pg.Pool;
  readonly #lead: PostgresLead;
  /** The term of the work that is under way, for what it writes. */
  readonly #term = new AsyncLocalStorage<Term>();
  readonly #reads: Floods;
  readonly #writes: Floods;

  constructor(location: string, url: string) {
    this.location = location;
    this.#pool = patientPool(url, connections);
    this.#aside = patientPool(url, connectionsAside, asideTimeoutMs);
    this.#lead = new PostgresLead(randomUUID(), (sql, values) =>
      this.#connected((client) => transaction(client, { locks: [] }, () => client.query(sql, [...values]))),
    );
    this.#reads = new Floods(
      (group) => this.#connected((client) => sideBySide(client, group.map(runOf))),
      ({ step }) => this.read(step),
    );
    this.#writes = new Floods(
      (group) => this.#writeGroup(group),
      ({ step, use }) => this.write(step, locksOf(use)),
    );
  }

  read<T>(step: () => DatabaseStep<T>): Promise<T> {
    return this.#connected((client) => runStep(client, step()));
  }

  readOften<T>(step: () => DatabaseStep<T>): Promise<T> {
    return this.#reads.add(step, {});
  }

  readAside<T>(step: () => DatabaseStep<T>): Promise<T> {
    return connected(this.#aside, this.location, (client) => runStep(client, step()));
  }

  write<T>(step: () => DatabaseStep<T>, locks: readonly string[] = []): Promise<T> {
    const term = this.#term.getStore();
    return this.#connected(async (client) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await transaction(client, { locks, term }, () => runStep(client, step()));
        } catch (error) {
          if (tries === maxTries || !isToTryAgain(error)) throw error;
        }
      }
    });
  }

  writeOften<T>(step: () => DatabaseStep<T>, use: OftenUse): Promise<T> {
    return this.#term.getStore() ? this.write(step, locksOf(use)) : this.#writes.add(step, use);
  }

  async asLeader<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#lead.during((term) => this.#term.run(term, work));
    } catch (error) {
      if (error instanceof SlipwayError && error.code === 'lead-lost') return undefined;
      throw error;
    }
  }

  /** Writes, durably and nothing new, and lets the server take room on its disk for a moment. */
  async checkPlace(): Promise<void> {
    const probe = this.builder.updateTable('in_force').set((eb) => ({ revision: eb.ref('revision') }));
    try {
      await this.#connected((client) =>
        transaction(client, { locks: [] }, async () => {
          await runStep(client, affectedBy(probe));
          await client.query(`set local work_mem = '64kB'; ${spilling}`);
        }),
      );
    } catch (error) {
      if (!(error instanceof SlipwayError) || !isFull(error.cause)) throw error;
      throw new SlipwayError('disk-full', `the disk of ${this.location} is full`, {
        cause: error.cause,
        hint: 'Give the disk of the database room.',
      });
    }
  }

  /** The server's autovacuum does that. */
  async reclaim(): Promise<void> {}

  /** A lost transaction was seen by nobody. */
  onLoss(): void {}

  async close(): Promise<void> {
    await this.#lead.close();
    await Promise.all([this.#pool.end(), this.#aside.end()]);
  }

  async #writeGroup(group: readonly WaitingStep[]): Promise<StepResult[]> {
    const use = { locks: group.flatMap((one) => locksOf(one.use)), lockTimeoutMs: groupLockTimeoutMs };
    return this.#connected(async (client) => {
      try {
        return await transaction(client, use, () => sideBySide(client, group.map(runOf)));
      } catch (error) {
        throw mayGoAlone(error, stateOf(error)) ? new GroupFailed('the group failed', { cause: error }) : error;
      }
    });
  }

  #connected<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return connected(this.#pool, this.location, use);
  }
}

/** Sorts more than fits into the memory that it may have, so that the rest goes to the disk and away again. */
const spilling = `select count(*) from
  (select repeat('x', 500) || i as filler from generate_series(1, 2000) as i order by 1) as sorted`;

const runOf = ({ step, keys }: WaitingStep) => ({ step: step(), keys });

const locksOf = ({ locks = [], replicas = [] }: OftenUse) => [...locks, ...replicas];
