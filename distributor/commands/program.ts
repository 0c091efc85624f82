/** The verbs as one program: parses arguments, runs the verb, turns every failure into an answer and an exit status. */
import { Command, CommanderError } from 'commander';
import { failureText, usageError } from '../../contract/command-failure.ts';
import { exitStatus, type SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { programVersion } from '../../contract/program-version.ts';
import { describeWithProblems, PlanError, problemText } from '../declaration/problem.ts';
import { applyCommand } from './apply.ts';
import type { CommandLine } from './command-line.ts';
import { deviceCommand } from './device.ts';
import { enrolmentTokenCommand } from './enrolment-token.ts';
import { eventsCommand } from './events.ts';
import { writeJsonList, writeLines } from './long-answer.ts';
import { rolloutCommand } from './rollout.ts';
import { schemaCommand } from './schema.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';
import { tokenCommand } from './token.ts';
import { validateCommand } from './validate.ts';
import { whyCommand } from './why.ts';

const verbs = [
  serveCommand,
  tokenCommand,
  enrolmentTokenCommand,
  deviceCommand,
  rolloutCommand,
  whyCommand,
  eventsCommand,
  validateCommand,
  simulateCommand,
  applyCommand,
  schemaCommand,
];

/** What a program needs besides what its verbs do. */
export interface Streams {
  readonly stdout: (text: string) => void;
  /** As long answers wait for it; see long-answer.ts. */
  readonly taken?: () => Promise<unknown>;
  readonly stderr: (text: string) => void;
  /** A person watches stderr. */
  readonly isTerminal?: boolean;
}

/**
 * @param words the arguments without the program's own name
 * @param outside all of a CommandLine but its output, which goes to `streams`
 * @returns the exit status; a server that was started goes on running
 */
export async function runProgram(
  words: readonly string[],
  outside: Omit<CommandLine, 'answer' | 'answerList' | 'say' | 'progress'>,
  streams: Streams,
): Promise<number> {
  // Before commander reads them: a mistake in the options themselves is answered in the form asked for, too.
  const isJson = words.includes('--json');
  let hasAnswered = false;
  const line: CommandLine = {
    ...outside,
    answer: (json, text) => {
      hasAnswered = true;
      streams.stdout(`${isJson ? JSON.stringify(json) : text}\n`);
    },
    answerList: (name, items, lines) => {
      const begin = () => {
        hasAnswered = true;
      };
      return isJson ? writeJsonList(name, items, streams, begin) : writeLines(lines(items), streams, begin);
    },
    progress: (text) => {
      if (streams.isTerminal && !isJson) streams.stderr(`\r\u001b[K${text ?? ''}`);
    },
    say: (text) => {
      if (!isJson) streams.stderr(`${text}\n`);
    },
  };
  const program = new Command('slipway-distributor')
    .description('Serves releases to a fleet and rolls them out in waves.')
    .version(programVersion)
    // --version is of the program before a verb, and of releases after one.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Exit status: 0 done, 1 internal, 2 usage, 3 invalid input, 5 unavailable, 6 conflict, 7 local resource,
8 a simulation that came out otherwise than expected.
Example:
  slipway-distributor serve --store file:///srv/slipway --rollouts ./rollouts --state ./state`,
    );
  for (const verb of verbs) program.addCommand(verb(line));
  prepare(program, streams);
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitStatus.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitStatus.ok;
    const error = thrown instanceof CommanderError ? usageError('slipway-distributor', thrown) : toSlipwayError(thrown);
    // One value on stdout: an answer that is not what was hoped for is an answer.
    if (isJson && !hasAnswered) streams.stdout(`${JSON.stringify({ error: describeWithProblems(error) })}\n`);
    else printFailure(error, streams);
    return error.exitStatus;
  }
}

/** Problems are an answer: each on a line of its own, as editors and CI annotations read them. */
function printFailure(error: SlipwayError, streams: Streams): void {
  const problems = error instanceof PlanError ? error.problems : [];
  for (const problem of problems) streams.stdout(`${problemText(problem)}\n`);
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const { code, message, hint } = error;
  streams.stderr(failureText({ code, message: problems.length > 0 ? count : message, hint }));
}

/** Every verb knows --json and reports its mistakes by throwing. */
function prepare(command: Command, streams: Streams): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: streams.stdout });
  if (command.commands.length === 0) command.option('--json', 'answer as JSON on stdout', false);
  for (const child of command.commands) prepare(child, streams);
}
