/** `token create | ls | revoke` makes, lists and revokes tokens of operators and CI. */
import { Command, Option } from 'commander';
import { fieldLines } from '../../system/command-line/fields.ts';
import { type Scope, scopeNames, scopes } from '../fleet/access/scopes.ts';
import { type TokenQuery, tokenPurposeSchema } from '../fleet/access/token-view.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withPlaceOptions } from './fleet-operations.ts';
import { parseLifetime } from './lifetime.ts';
import { type ReachOptions, reachOrderOf, withReachOptions } from './options/reach-options.ts';
import { answerMade, parseTokenName, tokenLines } from './text/token-text.ts';

interface CreateOptions extends ReachOptions {
  readonly purpose: 'operator' | 'ci';
  readonly scope: readonly Scope[];
  readonly name?: string;
  readonly expires?: number;
}

export function tokenCommand(line: CommandLine): Command {
  const command = new Command('token').description('make, list and revoke tokens');
  withReachOptions(withPlaceOptions(command.command('create')))
    .description('make a token for a person or for CI; its text is shown once')
    .addOption(new Option('--purpose <who>', 'who will use it').choices(['operator', 'ci']).makeOptionMandatory())
    .addOption(
      new Option('--scope <scope...>', 'what it may do, one or several').choices(scopeNames).makeOptionMandatory(),
    )
    .option('--name <text>', 'what to call it in lists', parseTokenName)
    .option('--expires <duration>', 'when it ends, such as 90d; never when left out', parseLifetime)
    .addHelpText(
      'after',
      `
Scopes:
${scopeHelp()}
Options that bound it hold together; what lies outside is not there for it. See docs/people.md.
${examples(
  'token create --name ci-main --purpose ci --scope rollouts:read rollouts:control --expires 90d',
  'token create --name north --purpose operator --scope devices:read --product k3s-edge --group north --read-only',
)}
${placeHelp}`,
    )
    .action(async ({ purpose, scope, name, expires, ...reach }: CreateOptions, self: Command) => {
      const order = { purpose, name, scopes: [...scope], expiresInSeconds: expires, ...reachOrderOf(reach) };
      answerMade(line, await withOperations(line, self, (operations) => operations.makeToken(order)));
    });
  withPlaceOptions(command.command('ls'))
    .description('list tokens, never their text')
    .addOption(new Option('--purpose <who>', 'only tokens of this purpose').choices(tokenPurposeSchema.options))
    .addHelpText(
      'after',
      `\nLAST USE is about a minute exact.\n${examples('token ls --purpose ci --json')}\n${placeHelp}`,
    )
    .action(async ({ purpose }: TokenQuery, self: Command) => {
      await withOperations(line, self, (operations) =>
        line.answerList('tokens', operations.tokens({ purpose }), (tokens) => tokenLines(tokens, line.clock())),
      );
    });
  withPlaceOptions(command.command('revoke <id>'))
    .description('refuse a token from the next request on')
    .addHelpText('after', `${examples('token revoke 3f1c0a9b2e44')}\n${placeHelp}`)
    .action(async (id: string, _options: unknown, self: Command) => {
      const standing = await withOperations(line, self, (operations) => operations.revokeToken(id));
      line.answer(standing, `Token ${id} is revoked.`);
    });
  return command;
}

function scopeHelp(): string {
  return fieldLines(Object.entries(scopes))
    .map((scope) => `  ${scope}`)
    .join('\n');
}
