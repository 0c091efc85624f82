/**
 * Tells whether this machine's clock is the reason why metadata seems to have expired. What is refused stays refused.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { HeardTime } from '../ports.ts';

const maxDifferenceMs = 24 * 3600 * 1000;

/** Undefined where the clocks are near each other, or no server told its time. */
export function clockTrouble(heard: HeardTime | undefined): SlipwayError | undefined {
  if (heard === undefined || Math.abs(heard.server - heard.device) <= maxDifferenceMs) return undefined;
  const [device, server] = [heard.device, heard.server].map((time) => new Date(time).toISOString());
  return new SlipwayError('clock-wrong', `this machine has ${device}, the server ${server}`, {
    hint: 'Set the clock of this machine; check its battery and its time service.',
  });
}

/** Runs what believes metadata; `metadata-expired` by a clock that is far off becomes `clock-wrong`. */
export async function blamingClock<T>(heard: () => HeardTime | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const trouble =
      error instanceof SlipwayError && error.code === 'metadata-expired' ? clockTrouble(heard()) : undefined;
    if (!trouble) throw error;
    const { hint } = trouble;
    const message = `${trouble.message}; ${(error as SlipwayError).message}`;
    throw new SlipwayError(trouble.code, message, { cause: error, hint });
  }
}
