/**
 * Makes one program of the verbs of the distributor, and adds what is its own: long lists, and problems with places in
 * files.
 */
import type { Command } from 'commander';
import type { SlipwayError } from '../../contract/errors.ts';
import { type CommandFailure, failureText } from '../../system/command-line/failure.ts';
import type { Output, Streams } from '../../system/command-line/output.ts';
import { runProgram } from '../../system/command-line/run-program.ts';
import { describeWithProblems, PlanError, problemText } from '../declaration/problem.ts';
import { applyCommand } from './apply.ts';
import type { CommandLine, DistributorWorld } from './command-line.ts';
import { deviceCommand } from './device.ts';
import { enrolmentTokenCommand } from './enrolment-token.ts';
import { eventsCommand } from './events.ts';
import { loginCommand } from './login.ts';
import { writeJsonList, writeLines } from './long-answer.ts';
import { rolloutCommand } from './rollout.ts';
import { schemaCommand } from './schema.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';
import { tokenCommand } from './token.ts';
import { validateCommand } from './validate.ts';
import { whoamiCommand } from './whoami.ts';
import { whyCommand } from './why.ts';

const verbs = [
  serveCommand,
  tokenCommand,
  whoamiCommand,
  loginCommand,
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

/** What a program of long lists needs besides. */
interface LongStreams extends Streams {
  /** As long answers wait for it; see long-answer.ts. */
  readonly taken?: () => Promise<unknown>;
  /** A person watches stderr. */
  readonly isTerminal?: boolean;
}

/**
 * @param words the arguments without the program's own name
 * @returns the exit status; a server that was started goes on running
 */
export function runDistributor(
  words: readonly string[],
  outside: DistributorWorld,
  streams: LongStreams,
): Promise<number> {
  const description = {
    name: 'slipway-distributor',
    description: 'Serves releases to a fleet and rolls them out in waves.',
    examples: ['serve --store file:///srv/slipway --rollouts ./rollouts --state ./state'],
    exitMeanings: {
      invalidInput: 'what it was given is wrong, or there is no such rollout',
      unavailable: 'the server, the database or the store is unavailable or refuses, or there is no such device',
      conflict: 'conflicts with what is there already',
      localResource: 'a resource of this machine: disk, files, memory',
      updateFailed: 'a simulation came out otherwise than expected',
    },
    addVerbs(program: Command, output: Output) {
      const line = commandLineOf(outside, output, streams);
      for (const verb of verbs) program.addCommand(verb(line));
    },
    failureOf: failureWithProblems,
  };
  return runProgram(words, description, streams);
}

function commandLineOf(outside: DistributorWorld, output: Output, streams: LongStreams): CommandLine {
  const { isJson, beginAnswer } = output;
  return {
    ...outside,
    ...output,
    answerList: (name, items, lines) =>
      isJson ? writeJsonList(name, items, streams, beginAnswer) : writeLines(lines(items), streams, beginAnswer),
    progress: (text) => {
      if (streams.isTerminal && !isJson) streams.stderr(`\r\u001b[K${text ?? ''}`);
    },
  };
}

/** Problems are an answer: each on a line of its own, as editors and CI annotations read them. */
function failureWithProblems(error: SlipwayError): CommandFailure {
  const problems = error instanceof PlanError ? error.problems : [];
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const { code, message, hint } = error;
  return {
    text: failureText({ code, message: problems.length > 0 ? count : message, hint }),
    answer: problems.map((problem) => `${problemText(problem)}\n`).join(''),
    value: { error: describeWithProblems(error) },
  };
}
