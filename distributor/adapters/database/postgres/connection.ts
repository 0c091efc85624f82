/**
 * Connects to PostgreSQL, and says what failures of a connection mean. Nothing here depends on a session: no prepared
 * statement, no setting and no lock outlives its transaction, so that a pooler in transaction mode may stand in
 * between.
 */
import pg from 'pg';
import { SlipwayError } from '../../../../contract/errors.ts';
import type { DatabaseStep, Question, StepAnswer } from '../step.ts';

const connectTimeoutMs = 5000;
/** A server that vanished without a word is noticed by then. */
const answerTimeoutMs = 20_000;

/** int8 as numbers: all of ours are times, counts and bytes below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/**
 * A pool that outlives broken connections: idle ones are replaced, and a caller that waits for an answer is told by its
 * query. Without these listeners either would end the process.
 * @param max connections
 */
export function patientPool(url: string, max: number, timeoutMs = answerTimeoutMs): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'slipway-distributor',
    keepAlive: true,
    types,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: timeoutMs,
    pipeline: true,
  } as pg.PoolConfig);
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Carries what a step threw past the places where only the database fails. */
export class StepFailure extends Error {}

/** Nothing of a group was kept, because of one of its steps or of others at the same time: each may be tried alone. */
export class GroupFailed extends Error {}

export function answerNext<T>(step: DatabaseStep<T>, answer?: StepAnswer): IteratorResult<Question, T> {
  try {
    return answer === undefined ? step.next() : step.next(answer);
  } catch (cause) {
    throw new StepFailure('a step threw', { cause });
  }
}

/** Unnamed: a pooler may give the next question to another session. */
export async function ask(
  client: pg.PoolClient,
  { sql, values }: Pick<Question, 'sql' | 'values'>,
): Promise<StepAnswer> {
  const result = await client.query({ text: sql, values: [...values] });
  return { rows: result.rows, affected: result.rowCount ?? 0 };
}

export async function runStep<T>(client: pg.PoolClient, step: DatabaseStep<T>): Promise<T> {
  let next = answerNext(step);
  while (!next.done) next = answerNext(step, await ask(client, next.value));
  return next.value;
}

/** Lends a connection of the pool. @throws what the step threw, or SlipwayError `database-unavailable` */
export async function connected<T>(
  pool: pg.Pool,
  location: string,
  use: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  let client: pg.PoolClient | undefined;
  let isBroken = false;
  try {
    client = await pool.connect();
    return await use(client);
  } catch (error) {
    if (error instanceof StepFailure) throw error.cause;
    if (error instanceof GroupFailed) throw error;
    isBroken = endsConnection(error);
    throw unavailable(location, error);
  } finally {
    client?.release(isBroken);
  }
}

/** SQLSTATE of a failure of the server; empty where the connection failed. */
export function stateOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}

/** Deadlocks and serialisation failures: the database chose one to try again. */
export const isToTryAgain = (error: unknown): boolean => ['40001', '40P01'].includes(stateOf(error));

const readOnlyState = '25006';
export const isFull = (error: unknown): boolean => stateOf(error) === '53100';

/** A primary that became a replica stays one: a new connection may find the new primary. */
function endsConnection(error: unknown): boolean {
  if (error instanceof SlipwayError) return false;
  const state = stateOf(error);
  return state === '' || state.startsWith('57') || state === readOnlyState;
}

export function withoutCredentials(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

export function unavailable(location: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  return new SlipwayError('database-unavailable', `the fleet's state in ${location} cannot be used: ${reason}`, {
    cause: error,
    hint: hintOf(error),
  });
}

function hintOf(error: unknown): string {
  if (stateOf(error) === readOnlyState) {
    return 'It takes no writes: name the primary in --database, and let default_transaction_read_only be off.';
  }
  if (isFull(error)) return 'Give the disk of the database room.';
  return 'Check that the server runs, that the database exists, and who may use it; a pooler needs transaction or session mode.';
}
