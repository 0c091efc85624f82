/**
 * Runs reads that take longer the larger the fleet is in a thread of their own: the thread that answers devices goes
 * on. One step at a time runs, and each sees one state of the database. The thread starts with the first step and ends
 * with `close`.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SerialQueue } from '../../../serial-queue.ts';
import type { DatabaseStep, Question, StepAnswer } from '../step.ts';
import type { AsideAnswer, AsideData } from './thread.ts';

const plain = (sql: string): Question => ({ sql, values: [], name: undefined });

export class SqliteAside {
  readonly #data: AsideData;
  #thread: Worker | undefined;
  readonly #steps = new SerialQueue();

  constructor(data: AsideData) {
    this.#data = data;
  }

  /** @throws Error of the database or of the thread, which the next step starts anew */
  read<T>(step: () => DatabaseStep<T>): Promise<T> {
    return this.#steps.run(() => this.#inTransaction(step));
  }

  async close(): Promise<void> {
    await this.#steps.settled();
    await this.#thread?.terminate();
    this.#thread = undefined;
  }

  async #inTransaction<T>(step: () => DatabaseStep<T>): Promise<T> {
    const thread = this.#started();
    // Only who waits for an answer keeps the process alive.
    thread.ref();
    try {
      await ask(thread, plain('begin'));
      const running = step();
      let next = running.next();
      while (!next.done) next = running.next(await ask(thread, next.value));
      await ask(thread, plain('commit'));
      return next.value;
    } catch (error) {
      this.#thread = undefined;
      await thread.terminate();
      throw error;
    } finally {
      thread.unref();
    }
  }

  #started(): Worker {
    if (this.#thread) return this.#thread;
    const thread = new Worker(threadProgram(), { workerData: this.#data, execArgv: [] });
    // The caller is told; a thread that ends between two steps is started anew.
    thread.on('error', () => undefined);
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    this.#thread = thread;
    return thread;
  }
}

async function ask(thread: Worker, { sql, values }: Question): Promise<StepAnswer> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    thread.postMessage({ sql, values });
    const answer = await Promise.race([
      once(thread, 'message', { signal }).then(([message]) => message as AsideAnswer),
      once(thread, 'exit', { signal }).then((): AsideAnswer => ({ failure: 'the reading thread ended' })),
    ]);
    if ('failure' in answer) throw new Error(answer.failure);
    return { rows: answer.rows, affected: 0 };
  } finally {
    waiting.abort();
  }
}

/** The program beside this file: its source in development, its bundle in a shipped distributor. */
function threadProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? 'thread.ts' : 'slipway-distributor-reads.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}
