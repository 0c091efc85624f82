/**
 * Gives the lead to one of several replicas on one PostgreSQL. A row says who leads and until when, by the clock of the
 * database, so that a pooler may stand in between and a replica that dies or is cut off loses it by itself. Each period
 * has a number of its own (epoch), and what a leader writes is refused once another period began: see `transaction`.
 */
import { type Kysely, sql } from 'kysely';
import type { Term } from './transaction.ts';

/** A leader that died is replaced by then. */
const leaseMs = 10_000;
const renewMs = leaseMs / 4;

const now = `(extract(epoch from clock_timestamp()) * 1000)::bigint`;
const taking = `update lead set
    holder = $1, expires_at = ${now} + ${leaseMs}, epoch = epoch + case when holder = $1 then 0 else 1 end
  where id = 1 and (holder is null or holder = $1 or expires_at <= ${now})
  returning epoch`;
const releasing = 'update lead set holder = null, expires_at = 0 where id = 1 and holder = $1';

/** Runs one statement in a transaction of its own. */
type AskLead = (sql: string, values: readonly string[]) => Promise<{ readonly rows: readonly unknown[] }>;

export class PostgresLead {
  readonly #holder: string;
  readonly #ask: AskLead;
  #mayHold = false;
  #isClosed = false;

  /** @param holder names this replica and this run of it */
  constructor(holder: string, ask: AskLead) {
    this.#holder = holder;
    this.#ask = ask;
  }

  /**
   * Runs work where this replica leads, and keeps the lease for as long as it takes; undefined where another one leads.
   * @throws what asking and the work throw
   */
  async during<T>(work: (term: Term) => Promise<T>): Promise<T | undefined> {
    const term = await this.#take();
    if (!term) return undefined;
    const renewing = setInterval(() => void this.#take().catch(() => undefined), renewMs);
    try {
      return await work(term);
    } finally {
      clearInterval(renewing);
    }
  }

  /** Hands the lead over: the next replica that asks has it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#mayHold) await this.#ask(releasing, [this.#holder]).catch(() => undefined);
  }

  async #take(): Promise<Term | undefined> {
    if (this.#isClosed) return undefined;
    this.#mayHold = true;
    const { rows } = await this.#ask(taking, [this.#holder]);
    const [row] = rows as readonly { readonly epoch: number }[];
    return row && { holder: this.#holder, epoch: row.epoch };
  }
}

/** A migration. */
export async function makeLeadTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('lead')
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('holder', 'text')
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into lead (id, epoch, expires_at) values (1, 0, 0)`.execute(db);
}
