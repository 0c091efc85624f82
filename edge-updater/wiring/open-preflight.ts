/** Chooses how a preflight asks this machine, where a K3s or K0s is looked for. */
import { boxOfThisMachine } from '../adapters/box/box-of-this-machine.ts';
import { linuxPreflight } from '../adapters/preflight/linux-preflight.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { Configuration } from '../configuration.ts';
import type { Preflight } from '../effects/require-fit-box.ts';
import { askPrograms, lookAtFacts } from '../preflight/look-at-facts.ts';

export function preflightOf(configuration: Configuration): Preflight | undefined {
  if (!boxOfThisMachine(configuration)) return undefined;
  const machine = linuxPreflight(() => systemClock.monotonicSeconds());
  return {
    facts: (found, now, signal) => lookAtFacts(machine, found, now, signal),
    programs: (found, program, signal) => askPrograms(machine, found, program, found.configuration?.[0], signal),
  };
}
