/** Suites that need something the machine may lack: they run, or they are skipped and their title says why. */
import { describe } from 'vitest';

/**
 * `describe`, skipped when there is a reason.
 * @param missing why the suite cannot run here, one line; undefined when it can. See missingCommands
 */
export function describeUnless(missing: string | undefined, name: string, body: () => void): void {
  if (missing === undefined) describe(name, body);
  else describe.skip(`${name} (skipped: ${missing})`, body);
}
