/** `slipway-edge rollback` goes back to the release before, by hand. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import {
  type CommandContext,
  type CommonOptions,
  defaultConfigFile,
  handPatience,
  type OpenDevice,
} from './command-context.ts';
import { examples } from './examples.ts';
import { describeAttempt } from './outcome.ts';

export function addRollback(program: Command, context: CommandContext): void {
  program
    .command('rollback')
    .description('go back to the previous release; the present one is not tried again')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .option('--yes', 'go back although what the cluster has stored since the update is set aside')
    .addHelpText('after', examples('rollback', 'rollback --yes'))
    .addHelpText('after', '\nThe anti-rollback counter stays: no server can bring the device back below it.')
    .action(async (options: CommonOptions & { readonly yes?: true }) => {
      await using opened = context.open(options.config, 'rollback');
      try {
        await opened.device.recover(context.signal, handPatience);
        if (!options.yes) await refuseLoss(opened.device);
        const attempt = await opened.device.rollBack(context.signal, handPatience);
        const { current } = opened.device.state;
        const text = `${describeAttempt(attempt)}\nnow on ${current?.version}`;
        context.output.answer({ attempt, current }, text);
      } finally {
        await opened.releaseService('leave');
      }
    });
}

/** @throws SlipwayError `usage` where data of the box goes back too */
async function refuseLoss(device: OpenDevice['device']): Promise<void> {
  const snapshot = await device.dataOfRollback();
  if (!snapshot) return;
  const { takenAt } = snapshot;
  throw new SlipwayError('usage', `the datastore goes back to ${takenAt}: what was stored since then is set aside`, {
    hint: 'Run slipway-edge rollback --yes if that is meant.',
  });
}
