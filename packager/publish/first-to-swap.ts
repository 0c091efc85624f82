/** Tries a publisher's work until it is the first to swap the timestamp: each try begins with what the others have left. */
import { SlipwayError } from '../../contract/errors.ts';

const maxAttempts = 12;

interface Race {
  /** Waits a random while before another attempt, longer with each. */
  readonly backOff: (attempt: number) => Promise<void>;
  readonly hint?: string;
}

/**
 * @param attempt told how many races were lost before; undefined where this one is lost, too
 * @throws SlipwayError `publish-contended`, what `attempt` throws
 */
export async function firstToSwap<T>(
  attempt: (lostRaces: number) => Promise<T | undefined>,
  { backOff, hint = 'Run the same command again when other publishers have finished.' }: Race,
): Promise<T> {
  for (let lost = 0; lost < maxAttempts; lost++) {
    if (lost > 0) await backOff(lost + 1);
    const result = await attempt(lost);
    if (result !== undefined) return result;
  }
  throw new SlipwayError('publish-contended', `lost the race for the timestamp ${maxAttempts} times`, { hint });
}
