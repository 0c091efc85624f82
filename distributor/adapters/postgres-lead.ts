/**
 * The lead among replicas on one PostgreSQL: an advisory lock that a connection of its own holds until it ends, so a
 * replica that dies or is cut off loses it by itself. Transitions compare and set besides: two that believe to lead for
 * a moment do no harm.
 */
import pg from 'pg';

/** Any number of ours, the same in every replica. */
const leadKey = '7310578812004466291';

export class PostgresLead {
  readonly #config: pg.ClientConfig;
  #client: pg.Client | undefined;
  #isHeld = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  /**
   * @returns whether this replica leads now
   * @throws what connecting throws
   */
  hold(): Promise<boolean> {
    const turn = this.#last.then(() => this.#hold());
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #hold(): Promise<boolean> {
    try {
      const client = this.#client ?? (await this.#connect());
      // Asked in any case: a connection that was cut off silently must not lead on.
      const text = this.#isHeld ? 'select true as held' : `select pg_try_advisory_lock(${leadKey}) as held`;
      const { rows } = await client.query<{ held: boolean }>(text);
      this.#isHeld = rows[0]?.held === true;
      return this.#isHeld;
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    client.on('error', () => {
      if (this.#client === client) this.#forget();
    });
    await client.connect();
    this.#client = client;
    return client;
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#forget();
    await client?.end().catch(() => undefined);
  }

  #forget(): void {
    this.#client = undefined;
    this.#isHeld = false;
  }
}
