/** `whoami` says which token a file holds: its name, what it may do, who made it, and when it ends. */
import { Command } from 'commander';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withPlaceOptions } from './fleet-operations.ts';
import { tokenText } from './token-text.ts';

export function whoamiCommand(line: CommandLine): Command {
  return withPlaceOptions(new Command('whoami'))
    .description('which token --token-file holds: its name, purpose, scopes, owner and expiry')
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
      const token = await withOperations(line, self, (operations) => operations.whoami());
      line.answer(token, tokenText(token, line.clock()));
    });
}
