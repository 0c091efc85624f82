/** The command line of a program of this folder: its verbs, where words go, and which exit status a failure has. */
import { constants } from 'node:os';
import { Command, CommanderError } from 'commander';
import { failureText, usageError } from '../contract/command-failure.ts';
import { describeError, exitStatus, toSlipwayError } from '../contract/errors.ts';
import { updaterVersion } from './updater-version.ts';

/** The signal that told this process to end. */
let toldBy: 'SIGTERM' | 'SIGINT' = 'SIGTERM';

/** One JSON document on standard output, or the text. */
export function print(value: unknown, text: string, isJson: boolean): void {
  process.stdout.write(isJson ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`);
}

/**
 * Runs what the arguments of this process ask for and sets its exit status.
 * @param addVerbs puts the verbs into the program
 * @param signal aborted when the process was told to stop
 */
export async function runCommandLine(addVerbs: (program: Command) => void, signal: AbortSignal): Promise<void> {
  const program = new Command('slipway-edge')
    .description('Updates this device: downloads, verifies, switches, watches, goes back.')
    .version(updaterVersion)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  addVerbs(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync();
  } catch (thrown) {
    process.exitCode = exitStatusOf(thrown, signal);
  }
}

function exitStatusOf(thrown: unknown, signal: AbortSignal): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitStatus.ok;
  if (signal.aborted) return 128 + constants.signals[toldBy];
  const error = thrown instanceof CommanderError ? usageError('slipway-edge', thrown) : toSlipwayError(thrown);
  process.stderr.write(failureText(error));
  if (process.argv.includes('--json')) print({ error: describeError(error) }, '', true);
  return error.exitStatus;
}

/** Aborts when the process is told to end, instead of ending it at once. */
export function abortOnSignals(stop: AbortController): void {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      toldBy = name;
      stop.abort();
    });
  }
}
