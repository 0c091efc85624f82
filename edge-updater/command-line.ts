/** The command line of a program of this folder: its verbs, where words go, and which exit status a failure has. */
import { Command, CommanderError } from 'commander';
import { describeError, exitStatus, toSlipwayError } from '../contract/errors.ts';
import { updaterVersion } from './updater-version.ts';

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
    .configureOutput({ outputError: (text, write) => write(text) });
  addVerbs(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync();
  } catch (thrown) {
    process.exitCode = exitStatusOf(thrown, signal);
  }
}

function exitStatusOf(thrown: unknown, signal: AbortSignal): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  if (signal.aborted) return 128 + 15;
  const error = toSlipwayError(thrown);
  const { code, message, hint } = describeError(error);
  process.stderr.write(`error ${code}: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`);
  if (process.argv.includes('--json')) print({ error: describeError(error) }, '', true);
  return error.exitStatus;
}

/** Aborts when the process is told to end, instead of ending it at once. */
export function abortOnSignals(stop: AbortController): void {
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
}
