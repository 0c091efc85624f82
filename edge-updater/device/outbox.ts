/**
 * Sends reports that no server has acknowledged. One that does not get through waits in the journal; it stops no
 * update. What a report says is decided with the state that it tells of.
 */
import { toSlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Narrator, Server } from '../ports.ts';
import type { Machine } from './machine.ts';

export class Outbox {
  readonly #machine: Machine;
  readonly #server: Server;
  readonly #narrator: Narrator;
  #sending: Promise<void> = Promise.resolve();
  /** Set while a contact with the server is welcome: reports then leave as soon as they are durable. */
  #background: AbortSignal | undefined;

  constructor(machine: Machine, server: Server, narrator: Narrator) {
    this.#machine = machine;
    this.#server = server;
    this.#narrator = narrator;
  }

  async send(signal: AbortSignal): Promise<void> {
    this.#enqueue(signal);
    await this.#sending;
    signal.throwIfAborted();
  }

  /** @param signal undefined: the reports of this work leave with the next check */
  async during(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    this.#background = signal;
    try {
      await work();
    } finally {
      this.#background = undefined;
      await this.#sending;
    }
  }

  /** To be called after each durable change. */
  changed(): void {
    if (this.#background && this.#machine.state.outbox.length > 0) this.#enqueue(this.#background);
  }

  #enqueue(signal: AbortSignal): void {
    this.#sending = this.#sending.then(() => this.#sendOnce(signal));
  }

  async #sendOnce(signal: AbortSignal): Promise<void> {
    const reports = this.#machine.state.outbox.slice(0, limits.maxReportsPerRequest);
    if (reports.length === 0) return;
    try {
      const { acknowledgedThrough } = await this.#server.report(reports, signal);
      this.#machine.dispatch({ kind: 'reports-acknowledged', through: acknowledgedThrough });
    } catch (thrown) {
      if (signal.aborted) return;
      const { code, message } = toSlipwayError(thrown);
      this.#narrator.warn(code, `reports are kept for later: ${message}`);
    }
  }
}
