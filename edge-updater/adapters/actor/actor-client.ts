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
  maxAnswerBytes,
} from '../../actor/actions.ts';
import { actorSocketUnit } from '../../adoption/actor-units.ts';
import { lineFrom } from './line.ts';

/** How long somebody waits for the actor. */
interface ActorPatience {
  /** After each try whose answer was lost. */
  readonly pausesMs: readonly number[];
  /** For a look at the box. */
  readonly answerMs: number;
  /** For work on the data, which takes as long as the data is large. */
  readonly workMs: number;
}

const usual: ActorPatience = {
  ...{ pausesMs: [100, 500, 1000, 2000, 4000], answerMs: 300_000, workMs: 6 * 3_600_000 },
};
const never = new AbortController().signal;

export class ActorClient {
  readonly #socketFile: string;
  readonly #startListening: () => Promise<void>;
  readonly #patience: ActorPatience;

  /** @param startListening where nobody does: systemd gives a socket up whose service ended too often. Never throws */
  constructor(socketFile: string, startListening: () => Promise<void>, patience: Partial<ActorPatience> = {}) {
    this.#socketFile = socketFile;
    this.#startListening = startListening;
    this.#patience = { ...usual, ...patience };
  }

  /** @throws SlipwayError `actor-unavailable`; what the action throws */
  async ask<A extends ActionName>(action: A, asked: Asked<A>, signal = never): Promise<Answered<A>> {
    for (const delayMs of this.#patience.pausesMs) {
      const line = await this.#once(action, asked, signal);
      signal.throwIfAborted();
      if (line !== undefined) return answerIn(line, action);
      await pause(delayMs, undefined, { signal });
    }
    throw unavailable(`nobody answers at ${this.#socketFile}`);
  }

  /** Undefined where no answer came. */
  async #once(action: ActionName, asked: unknown, signal: AbortSignal): Promise<string | undefined> {
    const { workMs, answerMs } = this.#patience;
    const limit = AbortSignal.timeout(actions[action].takesTurns ? workMs : answerMs);
    const bounded = AbortSignal.any([signal, limit]);
    const socket = connect({ path: this.#socketFile });
    try {
      await once(socket, 'connect', { signal: bounded });
      socket.on('error', () => undefined).write(`${JSON.stringify({ action, asked })}\n`);
      const line = await lineFrom(socket, bounded, maxAnswerBytes);
      // It is at work still: the same question would wait behind it.
      if (line === undefined && limit.aborted) throw unavailable(`no answer to ${action} in time`);
      return line;
    } catch (thrown) {
      if (thrown instanceof SlipwayError) throw thrown;
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
