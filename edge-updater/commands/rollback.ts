/** `slipway-edge rollback` goes back to the release before, by hand. */
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, defaultConfigFile, handPatience } from './command-context.ts';
import { examples } from './examples.ts';
import { describeAttempt } from './outcome.ts';

export function addRollback(program: Command, context: CommandContext): void {
  program
    .command('rollback')
    .description('go back to the previous release; the present one is not tried again')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText('after', examples('rollback'))
    .addHelpText('after', '\nThe anti-rollback counter stays: no server can bring the device back below it.')
    .action(async (options: CommonOptions) => {
      await using opened = context.open(options.config, 'rollback');
      try {
        await opened.device.recover(context.signal, handPatience);
        const attempt = await opened.device.rollBack(context.signal, handPatience);
        const { current } = opened.device.state;
        const text = `${describeAttempt(attempt)}\nnow on ${current?.version}`;
        context.output.answer({ attempt, current }, text);
      } finally {
        await opened.releaseService('leave');
      }
    });
}
