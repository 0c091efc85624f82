/** slipway-distributor: binds the verbs to the adapters, and every failure to an exit status. */
import { randomBytes } from 'node:crypto';
import { Command, CommanderError } from 'commander';
import { describeError, exitStatus, SlipwayError, toSlipwayError } from '../contract/errors.ts';
import { rolloutFiles } from './adapters/rollout-files.ts';
import { openSqliteFleetState } from './adapters/sqlite-fleet-state.ts';
import { openStore } from './adapters/store-of-url.ts';
import type { CommandLine } from './commands/command-line.ts';
import { deviceCommand } from './commands/device.ts';
import { enrolmentTokenCommand } from './commands/enrolment-token.ts';
import { rolloutCommand } from './commands/rollout.ts';
import { serveCommand } from './commands/serve.ts';
import { tokenCommand } from './commands/token.ts';
import { validateCommand } from './commands/validate.ts';

// Before commander reads them: an error in the options themselves is answered in the form asked for, too.
const isJson = process.argv.includes('--json');

const line: CommandLine = {
  openFleetState: openSqliteFleetState,
  openStore: (url) => openStore(url, process.env),
  rolloutFiles,
  clock: Date.now,
  randomBytes,
  answer: (json, text) => process.stdout.write(`${isJson ? JSON.stringify(json) : text}\n`),
  say: (text) => {
    if (!isJson) process.stderr.write(`${text}\n`);
  },
};

const program = new Command('slipway-distributor')
  .description('Serves releases to a fleet and rolls them out in waves.')
  .addHelpText(
    'after',
    `
Exit status: 0 done, 1 internal, 2 usage, 3 invalid input, 5 unavailable, 6 conflict, 7 local resource.
Example:
  slipway-distributor serve --store file:///srv/slipway --rollouts ./rollouts --state ./state`,
  );
for (const verb of [
  serveCommand,
  tokenCommand,
  enrolmentTokenCommand,
  deviceCommand,
  rolloutCommand,
  validateCommand,
]) {
  program.addCommand(verb(line));
}
prepare(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}

/** Every verb knows --json and reports its mistakes by throwing. */
function prepare(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: (text) => process.stdout.write(text) });
  if (command.commands.length === 0) command.option('--json', 'answer as JSON on stdout', false);
  for (const child of command.commands) prepare(child);
}

function fail(thrown: unknown): number {
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return exitStatus.ok;
    if (thrown.code === 'commander.help') {
      process.stderr.write('Say what to do; see slipway-distributor --help.\n');
      return exitStatus.usage;
    }
    return report(
      new SlipwayError('usage', thrown.message.replace(/^error: /, ''), {
        hint: 'Add --help to see what is possible.',
      }),
    );
  }
  return report(toSlipwayError(thrown));
}

function report(error: SlipwayError): number {
  if (isJson) process.stdout.write(`${JSON.stringify({ error: describeError(error) })}\n`);
  else {
    process.stderr.write(`slipway-distributor: ${error.code}: ${error.message}\n`);
    if (error.hint !== undefined) process.stderr.write(`${error.hint}\n`);
  }
  return error.exitStatus;
}
