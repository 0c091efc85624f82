/**
 * Signs snapshot and timestamp in a thread of its own: a signing command may take its time, and nothing that answers
 * devices can write to the store. The thread's program lies beside this one, see signing-thread.ts.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SlipwayError } from '../../../contract/errors.ts';
import type { OnlineSigner, OnlineSignerPlace } from '../../freshness/ports.ts';
import type { SigningAnswer, SigningTask } from './signing-thread.ts';

/** Store and token together; a signing command has a bound of its own. */
const timeoutMs = 10 * 60_000;

export function onlineSigner(place: OnlineSignerPlace): OnlineSigner {
  // Within one run of the server nothing that was seen is taken back.
  let known: SigningTask['known'];
  return {
    async signIfDue(now) {
      const answer = await inThread({ place, known, now: now.getTime() });
      if (answer.kind === 'failure') {
        const { code, message, hint } = answer.description;
        throw new SlipwayError(code, message, { hint });
      }
      const { documents, ...outcome } = answer.outcome;
      known = documents;
      return outcome;
    },
  };
}

async function inThread(task: SigningTask): Promise<SigningAnswer> {
  const thread = new Worker(threadProgram(), { workerData: task, execArgv: [] });
  let late: NodeJS.Timeout | undefined;
  try {
    return await new Promise<SigningAnswer>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => reject(new SlipwayError('internal', 'the signing thread ended without an answer')));
      const slow = new SlipwayError('signer-failed', `nothing was signed within ${timeoutMs / 60_000} minutes`, {
        hint: 'Look at the store, and at the signing command.',
      });
      late = setTimeout(() => reject(slow), timeoutMs);
      late.unref();
    });
  } finally {
    clearTimeout(late);
    await thread.terminate();
  }
}

/** The program beside this file: its source in development, its bundle in a shipped distributor. */
function threadProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? 'signing-thread.ts' : 'slipway-distributor-signing.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}
