/** `enrolment-token create`: what a device shows once to get a token of its own. */
import { Command } from 'commander';
import { tokenCreated } from '../events/audit.ts';
import { mintToken } from '../fleet/token.ts';
import { type CommandLine, type StatePlace, withState, withStateOptions } from './command-line.ts';
import { parseCount, parseLifetime } from './lifetime.ts';
import { localActor } from './local-actor.ts';
import { viewOf } from './token.ts';

interface CreateOptions extends StatePlace {
  readonly uses: number;
  readonly expires: number;
}

export function enrolmentTokenCommand(line: CommandLine): Command {
  const command = new Command('enrolment-token').description('let devices in');
  withStateOptions(command.command('create'))
    .description('make a token that enrols one device, or several; its text is shown once')
    .option('--uses <n>', 'how many devices it enrols', parseCount, 1)
    .option('--expires <duration>', 'when it ends', parseLifetime, parseLifetime('24h'))
    .addHelpText('after', '\nExample:\n  slipway-distributor enrolment-token create --uses 20 --expires 2h')
    .action((options: CreateOptions) => createToken(line, options));
  return command;
}

async function createToken(line: CommandLine, options: CreateOptions): Promise<void> {
  const { uses, expires } = options;
  const { token, record } = mintToken({
    purpose: 'enrol',
    uses,
    lifetimeSeconds: expires,
    now: line.clock(),
    randomBytes: line.randomBytes,
  });
  const event = tokenCreated(record, localActor(), line.clock());
  await withState(line, options, (fleet) => fleet.saveToken(record, event));
  line.say('Keep this token: it is shown once, the server has only its hash.');
  line.answer({ token, ...viewOf(record, line.clock()) }, token);
}
