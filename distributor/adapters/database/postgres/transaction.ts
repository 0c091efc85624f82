/** Runs one transaction on PostgreSQL: its locks and its fence at the begin, everything or nothing at the end. */
import type pg from 'pg';
import { sha256 } from '../../../../contract/digest.ts';
import { SlipwayError } from '../../../../contract/errors.ts';

/**
 * What a replica that was cut off or stopped in the middle held is free again by then, where TCP does not tell earlier.
 */
const idleTransactionMs = 10_000;

/** One period in which a replica leads. */
export interface Term {
  readonly holder: string;
  readonly epoch: number;
}

interface TransactionUse {
  /** Names; who comes second waits until the first has ended. */
  readonly locks: readonly string[];
  /** Fails at once when this term is over, and keeps it from ending before the transaction does. */
  readonly term?: Term | undefined;
  /** Fails with 55P03 when another transaction has kept a lock for so long. */
  readonly lockTimeoutMs?: number;
}

/** @throws SlipwayError `lead-lost`, what `work` throws, and what the database fails with */
export async function transaction<T>(client: pg.PoolClient, use: TransactionUse, work: () => Promise<T>): Promise<T> {
  try {
    await begin(client, use);
    const value = await work();
    await client.query('commit');
    return value;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** In one round trip. */
async function begin(client: pg.PoolClient, { locks, term, lockTimeoutMs }: TransactionUse): Promise<void> {
  // In one order everywhere, so that two transactions never wait for each other.
  const keys = [...new Set(locks)].map(lockKey).sort();
  const statements = [
    'begin',
    `set local idle_in_transaction_session_timeout = ${idleTransactionMs}`,
    ...(lockTimeoutMs === undefined ? [] : [`set local lock_timeout = ${lockTimeoutMs}`]),
    ...keys.map((key) => `select pg_advisory_xact_lock(${key})`),
  ];
  await client.query(statements.join('; '));
  if (!term) return;
  const fence = 'select 1 from lead where holder = $1 and epoch = $2 for share';
  const { rowCount } = await client.query(fence, [term.holder, term.epoch]);
  if (rowCount !== 1) throw leadLost();
}

function leadLost(): SlipwayError {
  return new SlipwayError('lead-lost', 'another replica leads now', {
    hint: 'Nothing was changed; the replica that leads goes on.',
  });
}

/** A lock's name as the 64 bits that PostgreSQL locks by. */
function lockKey(name: string): string {
  return BigInt.asIntN(64, BigInt(`0x${sha256(new TextEncoder().encode(name)).slice(0, 16)}`)).toString();
}
