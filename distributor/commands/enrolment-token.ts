/** `enrolment-token create` makes the token that a device shows once to get one of its own. */
import { Command } from 'commander';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withPlaceOptions } from './fleet-operations.ts';
import { parseCount, parseLifetime } from './lifetime.ts';
import { answerMade, parseTokenName } from './token-text.ts';

interface CreateOptions {
  readonly name?: string;
  readonly uses: number;
  readonly expires: number;
}

export function enrolmentTokenCommand(line: CommandLine): Command {
  const command = new Command('enrolment-token').description('let devices in');
  withPlaceOptions(command.command('create'))
    .description('make a token that enrols one device, or several; its text is shown once')
    .option('--name <text>', 'what to call it in lists', parseTokenName)
    .option('--uses <n>', 'how many devices it enrols', parseCount, 1)
    .option('--expires <duration>', 'when it ends', parseLifetime, parseLifetime('24h'))
    .addHelpText(
      'after',
      `${examples('enrolment-token create --name "site north" --uses 20 --expires 2h')}\n${placeHelp}`,
    )
    .action(async ({ name, uses, expires }: CreateOptions, self: Command) => {
      const order = { purpose: 'enrol' as const, name, uses, expiresInSeconds: expires };
      answerMade(line, await withOperations(line, self, (operations) => operations.makeToken(order)));
    });
  return command;
}
