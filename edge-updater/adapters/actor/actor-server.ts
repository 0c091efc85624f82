/**
 * Serves the closed list of actions on a Unix socket: a line of JSON asks, a line of JSON answers, and the connection ends.
 * It ends itself when nobody has asked for a while; systemd starts it again at the next question.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { describeError, SlipwayError, toSlipwayError } from '../../../contract/errors.ts';
import { type ActionName, type Actions, actions, maxLineBytes, requestSchema } from '../../actor/actions.ts';
import { lineFrom } from './line.ts';

/** The time in which somebody who has connected says what he wants. */
const askMs = 10_000;

export class ActorServer {
  readonly #actions: Actions;
  readonly #idleMs: number;
  readonly #server: Server;
  /** The end of the work on the data that was asked for last. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  #connections = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(served: Actions, idleSeconds: number) {
    this.#actions = served;
    this.#idleMs = idleSeconds * 1000;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param place a descriptor that systemd passed, or a path */
  async listen(place: { readonly fd: number } | { readonly path: string }): Promise<void> {
    this.#server.listen(place);
    await once(this.#server, 'listening');
    this.#rest();
  }

  /** Ends when nobody has asked for a while, and with the signal; work that has begun is ended first. */
  async ended(signal: AbortSignal): Promise<void> {
    const close = () => this.#server.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    if (this.#server.listening || this.#connections > 0) await once(this.#server, 'close');
    await this.#lastTurn;
    clearTimeout(this.#idle);
  }

  async #serve(socket: Socket): Promise<void> {
    clearTimeout(this.#idle);
    this.#connections++;
    const gone = new AbortController();
    socket.on('error', () => undefined).on('close', () => gone.abort());
    try {
      const line = await lineFrom(socket, AbortSignal.timeout(askMs), maxLineBytes);
      // Read on, to see it where he goes.
      socket.resume();
      if (line !== undefined) socket.end(`${JSON.stringify(await this.#answer(line, gone.signal))}\n`);
    } finally {
      if (!socket.writableEnded) socket.destroy();
      if (!socket.closed) await once(socket, 'close').catch(() => undefined);
      this.#connections--;
      this.#rest();
    }
  }

  async #answer(line: string, signal: AbortSignal): Promise<object> {
    try {
      const { action, asked } = requestIn(line);
      return { answer: await this.#do(action, asked, signal) };
    } catch (thrown) {
      return { error: describeError(toSlipwayError(thrown)) };
    }
  }

  #do(action: ActionName, asked: unknown, signal: AbortSignal): Promise<unknown> {
    const act = this.#actions[action] as (asked: unknown, signal: AbortSignal) => Promise<unknown>;
    if (!actions[action].takesTurns) return act(asked, signal);
    // Somebody who is gone may have been killed in the middle: what he asked for ends before the next begins.
    const turn = this.#lastTurn.then(() => act(asked, signal));
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  #rest(): void {
    if (this.#connections > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#server.close(), this.#idleMs);
  }
}

/** @throws SlipwayError `usage` for everything that is not on the list */
function requestIn(line: string): { action: ActionName; asked: unknown } {
  try {
    const { action, asked } = requestSchema.parse(JSON.parse(line));
    return { action, asked: actions[action].asks.parse(asked) };
  } catch (cause) {
    throw new SlipwayError('usage', `the actor is not asked like that: ${toSlipwayError(cause).message}`, {
      ...{ cause, hint: 'Update slipway-edge as a whole, then restart slipway-edge.service.' },
    });
  }
}
