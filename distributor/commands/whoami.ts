/** `whoami` says who asks: a token with its name, what it may do and when it ends, or a person that an issuer vouches for. */
import { Command } from 'commander';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withPlaceOptions } from './fleet-operations.ts';
import { callerText } from './text/token-text.ts';

export function whoamiCommand(line: CommandLine): Command {
  return withPlaceOptions(new Command('whoami'))
    .description('who asks: the token with its name, scopes, bounds, owner and expiry, or the person')
    .addHelpText(
      'after',
      `${examples(
        'whoami --server https://updates.example.com --token-file token',
        'whoami --token-file token --state /var/lib/slipway-distributor --json',
      )}

Every token that is valid may ask, whatever its scopes. Its text is printed nowhere.
${placeHelp}`,
    )
    .action(async (_options: unknown, self: Command) => {
      const caller = await withOperations(line, self, (operations) => operations.whoami());
      line.answer(caller, callerText(caller, line.clock()));
    });
}
