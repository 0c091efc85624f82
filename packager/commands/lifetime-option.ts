/** Reads `ROLE=DAYS`, as `init` and `keys lifetimes` take it. */
import { SlipwayError } from '../../contract/errors.ts';
import { type Lifetimes, lifetimeProblem, roleKinds } from '../../system/signing/lifetimes.ts';

export const lifetimeHelp = `how long a signature holds in days: ${roleKinds.join('=, ')}=`;

/**
 * @param before of the roles that are not named
 * @throws SlipwayError `usage`
 */
export function parseLifetimes(words: readonly string[], before: Lifetimes): Lifetimes {
  const given = words.map((word) => {
    const [, name, days] = /^([a-z]+)=(\d{1,5})$/.exec(word) ?? [];
    const kind = roleKinds.find((candidate) => candidate === name);
    if (kind !== undefined) return [kind, Number(days)] as const;
    throw new SlipwayError('usage', `expected ROLE=DAYS, found ${JSON.stringify(word)}`, {
      hint: `Roles are ${roleKinds.join(', ')}; product stands for every product.`,
    });
  });
  const lifetimes = { ...before, ...Object.fromEntries(given) };
  const problem = lifetimeProblem(lifetimes);
  if (problem !== undefined) throw new SlipwayError('usage', `lifetimes: ${problem}`);
  return lifetimes;
}
