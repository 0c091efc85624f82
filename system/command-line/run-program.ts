/** Runs a program: reads its words, runs the verb, and turns every failure into an answer and an exit status. */
import { Command, CommanderError } from 'commander';
import { type SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { exitStatus } from '../../contract/exit-status.ts';
import { type CommandFailure, failureOf, usageError } from './failure.ts';
import { commonMeanings, type ExitMeanings, examplesText, exitStatusText } from './help-text.ts';
import { type Output, openOutput, type Streams } from './output.ts';
import { programVersion } from './program-version.ts';

interface ProgramDescription {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  /** Command lines without the program's name. */
  readonly examples: readonly string[];
  /** Of the exit statuses besides those of every program. */
  readonly exitMeanings: ExitMeanings;
  addVerbs(program: Command, output: Output): void;
  /** Where a failure has more to say than every failure does. */
  readonly failureOf?: (error: SlipwayError) => CommandFailure;
  /** The exit status of a process that was told to end, undefined where it was not. */
  readonly toldToEnd?: () => number | undefined;
}

/**
 * @param words the arguments without the program's own name
 * @returns the exit status; what a verb started may go on running
 */
export async function runProgram(
  words: readonly string[],
  program: ProgramDescription,
  streams: Streams,
): Promise<number> {
  // Before commander reads them: a mistake in the options themselves is answered in the form asked for, too.
  const output = openOutput(streams, words.includes('--json'));
  const command = new Command(program.name)
    .description(program.description)
    .version(programVersion)
    // --version is of the program before a verb, and may be of a release after one.
    .enablePositionalOptions()
    .addHelpText('after', examplesText(program.name, program.examples));
  program.addVerbs(command, output);
  prepare(command, exitStatusText({ ...commonMeanings, ...program.exitMeanings }), streams.stdout);
  try {
    await command.parseAsync([...words], { from: 'user' });
    return exitStatus.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitStatus.ok;
    const status = program.toldToEnd?.();
    if (status !== undefined) return status;
    const error = thrown instanceof CommanderError ? usageError(program.name, thrown) : toSlipwayError(thrown);
    output.fail((program.failureOf ?? failureOf)(error));
    return error.exitStatus;
  }
}

/** Every verb knows --json, says what its exit status means, and reports its mistakes by throwing. */
function prepare(command: Command, exitStatuses: string, writeOut: (text: string) => void): void {
  command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut })
    .addHelpText('after', exitStatuses);
  if (command.commands.length === 0) command.option('--json', 'answer as JSON on stdout', false);
  for (const child of command.commands) prepare(child, exitStatuses, writeOut);
}
