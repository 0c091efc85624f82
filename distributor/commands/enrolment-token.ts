/** `enrolment-token create | ls | revoke` makes, lists and revokes the tokens that devices show once to get one of their own. */
import { Command } from 'commander';
import type { Labels } from '../../contract/device-api/check.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withPlaceOptions } from './fleet-operations.ts';
import { parseCount, parseLifetime } from './lifetime.ts';
import { parseLabel } from './options/label-options.ts';
import { parseObjectName, parseProduct } from './options/reach-options.ts';
import { answerMade, parseTokenName, tokenLines } from './text/token-text.ts';

interface CreateOptions {
  readonly name?: string;
  readonly uses: number;
  readonly expires: number;
  readonly label?: Labels;
  readonly product?: readonly string[];
  readonly group?: readonly string[];
}

export function enrolmentTokenCommand(line: CommandLine): Command {
  const command = new Command('enrolment-token').description('let devices in');
  withPlaceOptions(command.command('create'))
    .description('make a token that enrols one device, or several; its text is shown once')
    .option('--name <text>', 'what to call it in lists', parseTokenName)
    .option('--uses <n>', 'how many devices it enrols', parseCount, 1)
    .option('--expires <duration>', 'when it ends', parseLifetime, parseLifetime('24h'))
    .option('--label <key=value>', 'give its devices this label, whatever they say; repeatable', parseLabel)
    .option('--product <name>', 'enrol devices of this product alone; repeatable', parseProduct)
    .option('--group <name>', 'give its devices the labels of this group of the plan; repeatable', parseObjectName)
    .addHelpText(
      'after',
      `${examples(
        'enrolment-token create --name "site north" --uses 20 --expires 2h',
        'enrolment-token create --label region=north --product k3s-edge',
        'enrolment-token create --group north --uses 20',
      )}\n${placeHelp}`,
    )
    .action(async ({ name, uses, expires, label, product, group }: CreateOptions, self: Command) => {
      const order = {
        ...{ purpose: 'enrol' as const, name, uses, expiresInSeconds: expires },
        ...(label === undefined ? {} : { labels: label }),
        ...(product === undefined ? {} : { products: [...product] }),
        ...(group === undefined ? {} : { groups: [...group] }),
      };
      answerMade(line, await withOperations(line, self, (operations) => operations.makeToken(order)));
    });
  withPlaceOptions(command.command('ls'))
    .description('list them, never their text')
    .addHelpText('after', `${examples('enrolment-token ls --json')}\n${placeHelp}`)
    .action(async (_options: unknown, self: Command) => {
      await withOperations(line, self, (operations) =>
        line.answerList('tokens', operations.tokens({ purpose: 'enrol' }), (tokens) =>
          tokenLines(tokens, line.clock()),
        ),
      );
    });
  withPlaceOptions(command.command('revoke <id>'))
    .description('let no further device in by it; those that it let in stay')
    .addHelpText('after', `${examples('enrolment-token revoke 3f1c0a9b2e44')}\n${placeHelp}`)
    .action(async (id: string, _options: unknown, self: Command) => {
      const standing = await withOperations(line, self, (operations) => operations.revokeToken(id));
      line.answer(standing, `Token ${id} is revoked.`);
    });
  return command;
}
