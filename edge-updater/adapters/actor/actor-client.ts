/**
 * Asks the actor of an adopted box. An answer that is lost, because the actor was killed or is not there yet, is no answer:
 * it is asked again, which is safe, because each action may be done again from whatever an end left of it.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SlipwayError, toSlipwayError } from '../../../contract/errors.ts';
import {
  type ActionName,
  type Answered,
  type Asked,
  actions,
  answerSchema,
  maxLineBytes,
} from '../../actor/actions.ts';
import { actorSocketUnit } from '../../adoption/actor-units.ts';
import { lineFrom } from './line.ts';

/** Before each further try. */
const usualPausesMs: readonly number[] = [100, 500, 1000, 2000, 4000];
/** A look at the box ends sooner. What touches data takes as long as the data is large. */
const answerMs = 300_000;
const dataMs = 6 * 3_600_000;
const never = new AbortController().signal;

export class ActorClient {
  readonly #socketFile: string;
  readonly #startListening: () => Promise<void>;
  readonly #pausesMs: readonly number[];

  /** @param startListening where nobody does: systemd gives a socket up whose service ended too often. Never throws */
  constructor(socketFile: string, startListening: () => Promise<void>, pausesMs = usualPausesMs) {
    this.#socketFile = socketFile;
    this.#startListening = startListening;
    this.#pausesMs = pausesMs;
  }

  /** @throws SlipwayError `actor-unavailable`; what the action throws */
  async ask<A extends ActionName>(action: A, asked: Asked<A>, signal = never): Promise<Answered<A>> {
    for (const delayMs of this.#pausesMs) {
      const line = await this.#once(action, asked, signal);
      signal.throwIfAborted();
      if (line !== undefined) return answerIn(line, action);
      await pause(delayMs, undefined, { signal });
    }
    throw unavailable(`nobody answers at ${this.#socketFile}`);
  }

  /** Undefined where no answer came. */
  async #once(action: ActionName, asked: unknown, signal: AbortSignal): Promise<string | undefined> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(actions[action].takesTurns ? dataMs : answerMs)]);
    const socket = connect({ path: this.#socketFile });
    try {
      await once(socket, 'connect', { signal: bounded });
      socket.on('error', () => undefined).write(`${JSON.stringify({ action, asked })}\n`);
      return await lineFrom(socket, bounded, maxLineBytes);
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EACCES') throw unavailable(`only root may ask at ${this.#socketFile}`, thrown);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') await this.#startListening();
      return undefined;
    } finally {
      socket.destroy();
    }
  }
}

function answerIn<A extends ActionName>(line: string, action: A): Answered<A> {
  let told: ReturnType<typeof answerSchema.parse>;
  try {
    told = answerSchema.parse(JSON.parse(line));
    if (!('error' in told)) return actions[action].answers.parse(told.answer) as Answered<A>;
  } catch (cause) {
    throw unavailable(`its answer to ${action} is not understood: ${toSlipwayError(cause).message}`, cause);
  }
  const { code, message, hint } = told.error;
  throw new SlipwayError(code, message, { hint });
}

function unavailable(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError('actor-unavailable', `the actor of the box: ${message}`, {
    ...{ cause, hint: `Look at journalctl -u slipway-actor, then run systemctl restart ${actorSocketUnit}.` },
  });
}
