/**
 * Follows the audit log for any number of readers up to a limit for each token and one for all: one look at the
 * database a moment for all of them, so that what other replicas and the command line record appears, too. Each reader
 * goes at its own pace from its own place and holds one page at most; what it has not taken waits in the database.
 */
import { setTimeout } from 'node:timers/promises';
import { SlipwayError } from '../../contract/errors.ts';
import type { SeesEvent } from './pages.ts';
import type { EventStore, RecordedEvent } from './ports.ts';
import { type EventFilter, passes } from './view.ts';

export interface EventFeedOptions {
  readonly store: Pick<EventStore, 'listEvents' | 'lastEventId'>;
  /** Between two looks at the database. */
  readonly pollMs?: number;
  /** A reader that nothing happens for is told so often that it is still followed. */
  readonly heartbeatMs?: number;
  /** In all; far above what one token may have, so that none takes the places of the others. */
  readonly maxReaders?: number;
  readonly maxReadersPerToken?: number;
  /** Told the number of readers whenever it changes. */
  readonly onReaders?: (readers: number) => void;
}

interface ReaderOptions {
  /** Of the token or the person that follows. */
  readonly tokenId: string;
  /** Id of the last event seen, 0 for all that are kept. */
  readonly after: number;
  readonly filter: EventFilter;
  /** Left out: it sees every event. */
  readonly sees?: SeesEvent | undefined;
  /** Ends the reader at once, wherever it waits. */
  readonly signal: AbortSignal;
}

/** Events a reader holds at once. */
const pageSize = 100;

export class EventFeed {
  readonly #store: EventFeedOptions['store'];
  readonly #pollMs: number;
  readonly #heartbeatMs: number;
  readonly #maxReaders: number;
  readonly #maxReadersPerToken: number;
  readonly #readersOf = new Map<string, number>();
  readonly #onReaders: (readers: number) => void;
  readonly #closing = new AbortController();
  readonly #waiting = new Set<() => void>();
  #readers = 0;
  #isLooking = false;
  /** Moves with every change of the last id that was noticed. */
  #news = 0;
  #lastId: number | undefined;

  constructor(options: EventFeedOptions) {
    this.#store = options.store;
    this.#pollMs = options.pollMs ?? 1000;
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#maxReaders = options.maxReaders ?? 256;
    this.#maxReadersPerToken = options.maxReadersPerToken ?? 8;
    this.#onReaders = options.onReaders ?? (() => {});
  }

  get readers(): number {
    return this.#readers;
  }

  /**
   * Events in order, without end; undefined when nothing happened for a heartbeat. A database that goes away is waited
   * for. The place is taken at once; it is free again when the iteration ends, or when the signal fires before it.
   * @throws SlipwayError `overloaded` when as many as allowed read already, or the feed is closed; `rate-limited` when
   *   as many of this token do
   */
  read(options: ReaderOptions): AsyncGenerator<RecordedEvent | undefined, void, undefined> {
    if (this.#closing.signal.aborted || this.#readers >= this.#maxReaders) {
      throw new SlipwayError('overloaded', `${this.#readers} clients follow the events already`, {
        hint: 'Read GET /v1/events in pages instead, or try again later.',
      });
    }
    const own = this.#readersOf.get(options.tokenId) ?? 0;
    if (own >= this.#maxReadersPerToken) {
      throw new SlipwayError('rate-limited', `${own} clients follow the events with this token already`, {
        hint: 'End one of them, or use a token of its own for each.',
      });
    }
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const leave = this.#enter(options.tokenId);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    return this.#follow(options, signal, leave);
  }

  /** Ends every reader; nobody may read from now on. */
  close(): void {
    this.#closing.abort();
  }

  async *#follow({ after, filter, sees }: ReaderOptions, signal: AbortSignal, leave: () => void) {
    try {
      let at = after;
      while (!signal.aborted) {
        const news = this.#news;
        const page = await this.#page(at);
        for (const event of page) {
          at = event.id;
          if (passes(event, filter) && (await this.#sees(sees, event))) yield event;
          if (signal.aborted) return;
        }
        if (page.length === pageSize) continue;
        if ((await this.#next(news, signal)) === 'quiet') yield undefined;
      }
    } finally {
      leave();
    }
  }

  /** An event that cannot be told to be for the reader is not. */
  async #sees(sees: SeesEvent | undefined, event: RecordedEvent): Promise<boolean> {
    return sees === undefined || sees(event).catch(() => false);
  }

  /** Empty while the database is away: the next look finds what is there then. */
  async #page(after: number): Promise<readonly RecordedEvent[]> {
    try {
      return await this.#store.listEvents(after, pageSize);
    } catch {
      this.#lastId = undefined;
      return [];
    }
  }

  #next(news: number, signal: AbortSignal): Promise<'news' | 'quiet' | 'ended'> {
    if (this.#news !== news) return Promise.resolve('news');
    if (signal.aborted) return Promise.resolve('ended');
    return new Promise((resolve) => {
      const settle = (outcome: 'news' | 'quiet' | 'ended') => {
        clearTimeout(heartbeat);
        signal.removeEventListener('abort', end);
        this.#waiting.delete(wake);
        resolve(outcome);
      };
      const end = () => settle('ended');
      const wake = () => settle('news');
      const heartbeat = globalThis.setTimeout(() => settle('quiet'), this.#heartbeatMs);
      signal.addEventListener('abort', end);
      this.#waiting.add(wake);
    });
  }

  /** One more reader; the first one starts the looking. @returns what makes it leave, once */
  #enter(tokenId: string): () => void {
    this.#onReaders(++this.#readers);
    this.#readersOf.set(tokenId, (this.#readersOf.get(tokenId) ?? 0) + 1);
    if (!this.#isLooking) void this.#look();
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const left = (this.#readersOf.get(tokenId) ?? 1) - 1;
      if (left > 0) this.#readersOf.set(tokenId, left);
      else this.#readersOf.delete(tokenId);
      this.#onReaders(--this.#readers);
    };
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#readers > 0 && !this.#closing.signal.aborted) {
      const lastId = await this.#store.lastEventId().catch(() => undefined);
      if (lastId !== undefined && lastId !== this.#lastId) {
        this.#lastId = lastId;
        this.#news++;
        for (const wake of [...this.#waiting]) wake();
      }
      await setTimeout(this.#pollMs, undefined, { ref: false });
    }
    this.#isLooking = false;
  }
}
