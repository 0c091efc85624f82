/** `why DEVICE` says why a device does or does not update now, down to the rule and the numbers. */
import { Command } from 'commander';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withStoreOptions } from './fleet-operations.ts';
import { whyText } from './text/why-text.ts';

export function whyCommand(line: CommandLine): Command {
  return withStoreOptions(new Command('why'))
    .argument('<device>', 'its id')
    .description('why a device does or does not update now, down to the rule and the numbers')
    .addHelpText(
      'after',
      `${examples('why gate-17 --store file:///srv/slipway')}

It makes the decision that the next check of the device would get, and changes nothing.${placeHelp}`,
    )
    .action(async (id: string, _options: unknown, self: Command) => {
      const why = await withOperations(line, self, (operations) => operations.why(id));
      line.answer(why, whyText(why, line.clock()));
    });
}
