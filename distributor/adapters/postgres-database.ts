/**
 * A PostgreSQL database as the fleet's, for several replicas: a pool of connections for steps, and one connection more
 * that holds the lead. A database that goes away fails what is under way with `database-unavailable`; the next step
 * connects anew.
 */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresDialect,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { FleetDatabase } from './fleet-database.ts';
import { fleetMigrations } from './fleet-migrations.ts';
import type { FleetTables } from './fleet-tables.ts';
import { PostgresLead } from './postgres-lead.ts';
import type { Answer, Question, Step } from './step.ts';

const connections = 10;
const connectTimeoutMs = 5000;
/** A server that vanished without a word is noticed by then. */
const answerTimeoutMs = 20_000;
/** What a replica that died in the middle held is free again by then, where TCP does not tell earlier. */
const idleTransactionMs = 30_000;
/** Deadlocks and serialisation failures: the database chose one to try again. */
const againStates = ['40001', '40P01'];
const maxTries = 5;

/** int8 as numbers: all of ours are times, counts and bytes below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/**
 * Connects, and brings the tables up to date.
 * @param url postgres://user:password@host:port/name; what it leaves out comes from PGUSER, PGPASSWORD and so on
 * @param mayMake makes the tables where there are none
 * @throws SlipwayError `database-unavailable`, `state-missing`
 */
export async function openPostgresDatabase(url: string, mayMake: boolean): Promise<FleetDatabase> {
  const location = withoutCredentials(url);
  const config: pg.PoolConfig = {
    connectionString: url,
    application_name: 'slipway-distributor',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: answerTimeoutMs,
    idle_in_transaction_session_timeout: idleTransactionMs,
    keepAlive: true,
    types,
  };
  try {
    await migrate(config, mayMake);
    return new PostgresDatabase(location, config);
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
  readonly #lead: PostgresLead;

  constructor(location: string, config: pg.PoolConfig) {
    this.location = location;
    this.#pool = patientPool({ ...config, max: connections });
    this.#lead = new PostgresLead(config);
  }

  read<T>(step: () => Step<T>): Promise<T> {
    return this.#connected((client) => run(client, step()));
  }

  /** The server reads elsewhere than here, and a connection of the pool waits. */
  readAside<T>(step: () => Step<T>): Promise<T> {
    return this.read(step);
  }

  write<T>(step: () => Step<T>, locks: readonly string[] = []): Promise<T> {
    const keys = [...new Set(locks)].map(lockKey).sort();
    return this.#connected(async (client) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await transaction(client, keys, step());
        } catch (error) {
          if (tries === maxTries || !againStates.includes(stateOf(error))) throw error;
        }
      }
    });
  }

  async asLeader<T>(work: () => Promise<T>): Promise<T | undefined> {
    const leads = await this.#lead.hold().catch((error: unknown) => {
      throw unavailable(this.location, error);
    });
    return leads ? work() : undefined;
  }

  /** The server's own disk is watched by whoever runs it. */
  async checkPlace(): Promise<void> {}

  /** The server's autovacuum does that. */
  async reclaim(): Promise<void> {}

  /** A lost transaction was seen by nobody. */
  onLoss(): void {}

  async close(): Promise<void> {
    await this.#lead.close();
    await this.#pool.end();
  }

  async #connected<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient | undefined;
    let isBroken = false;
    try {
      client = await this.#pool.connect();
      return await use(client);
    } catch (error) {
      if (error instanceof StepFailure) throw error.cause;
      isBroken = stateOf(error) === '' || stateOf(error).startsWith('57');
      throw unavailable(this.location, error);
    } finally {
      client?.release(isBroken);
    }
  }
}

/** Carries what a step threw past the places where only the database fails. */
class StepFailure extends Error {}

async function transaction<T>(client: pg.PoolClient, keys: readonly string[], step: Step<T>): Promise<T> {
  await client.query('begin');
  try {
    // In one order everywhere, so that two transactions never wait for each other.
    for (const key of keys) await client.query({ ...lockOne, values: [key] });
    const value = await run(client, step);
    await client.query('commit');
    return value;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

const lockOne = { name: 'slipway_lock', text: 'select pg_advisory_xact_lock($1::bigint)' };

async function run<T>(client: pg.PoolClient, step: Step<T>): Promise<T> {
  let next = advance(step);
  while (!next.done) next = advance(step, await ask(client, next.value));
  return next.value;
}

function advance<T>(step: Step<T>, answer?: Answer): IteratorResult<Question, T> {
  try {
    return answer === undefined ? step.next() : step.next(answer);
  } catch (cause) {
    throw new StepFailure('a step threw', { cause });
  }
}

async function ask(client: pg.PoolClient, { sql, values, name }: Question): Promise<Answer> {
  const result = await client.query({ text: sql, values: [...values], ...(name === undefined ? {} : { name }) });
  return { rows: result.rows, affected: result.rowCount ?? 0 };
}

/**
 * A pool that outlives broken connections: idle ones are replaced, and whoever waits for an answer is told by its query.
 * Without these listeners either would end the process.
 */
function patientPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config);
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

async function migrate(config: pg.PoolConfig, mayMake: boolean): Promise<void> {
  const pool = patientPool({ ...config, max: 2 });
  const db = new Kysely<FleetTables>({ dialect: new PostgresDialect({ pool }) });
  try {
    if (!mayMake) await findTables(pool, config);
    const { error } = await new Migrator({ db, provider: fleetMigrations('postgres') }).migrateToLatest();
    if (error) throw error;
  } finally {
    await db.destroy();
  }
}

/** @throws SlipwayError `state-missing` */
async function findTables(pool: pg.Pool, { connectionString = '' }: pg.PoolConfig): Promise<void> {
  const { rows } = await pool.query<{ found: boolean }>(
    "select to_regclass('kysely_migration') is not null and to_regclass('in_force') is not null as found",
  );
  if (rows[0]?.found === true) return;
  throw new SlipwayError('state-missing', `there is no fleet's state in ${withoutCredentials(connectionString)}`, {
    hint: 'Give the --database of the server, or ask it with --server. slipway-distributor serve makes a new state.',
  });
}

/** A lock's name as the 64 bits that PostgreSQL locks by. */
function lockKey(name: string): string {
  return BigInt.asIntN(64, BigInt(`0x${sha256(new TextEncoder().encode(name)).slice(0, 16)}`)).toString();
}

/** SQLSTATE of a failure of the server; empty where the connection failed. */
function stateOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}

function withoutCredentials(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

function unavailable(location: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  return new SlipwayError('database-unavailable', `the fleet's state in ${location} cannot be used: ${reason}`, {
    cause: error,
    hint: 'Check that the server runs, that the database exists, and who may use it.',
  });
}
