/** Suites that need something the machine may lack: they run, or one skipped test in their place says why not. */
import { describe, it } from 'vitest';

/**
 * `describe`, or when there is a reason one skipped test that carries it: so that a run always counts what it lacked.
 * @param missing why the suite cannot run here, one line; undefined when it can. See missingCommands
 * @param body not called when the suite cannot run
 */
export function describeUnless(missing: string | undefined, name: string, body: () => void): void {
  if (missing === undefined) describe(name, body);
  else describe(name, () => it.skip(`cannot run here: ${missing}`, () => undefined));
}
