/** `slipway-edge rollback`: back to the release before, by hand. */
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, defaultConfigFile, handPatience } from './command-context.ts';
import { describeAttempt } from './outcome.ts';

export function addRollback(program: Command, context: CommandContext): void {
  program
    .command('rollback')
    .description('go back to the previous release; the present one is not tried again')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ slipway-edge rollback\n\nEnds with 0 when the previous release runs, 8 when there is none, 9 while the daemon runs.\nThe anti-rollback counter stays: no server can bring the device back below it.',
    )
    .action(async (options: CommonOptions) => {
      await using opened = context.open(options.config, 'rollback');
      try {
        await opened.device.recover(context.signal, handPatience);
        const attempt = await opened.device.rollBack(context.signal, handPatience);
        const { current } = opened.device.state;
        const text = `${describeAttempt(attempt)}\nnow on ${current?.version}`;
        context.print({ attempt, current }, text, options.json === true);
      } finally {
        await opened.releaseService('leave');
      }
    });
}
