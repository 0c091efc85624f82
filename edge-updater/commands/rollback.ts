/** `slipway-edge rollback` goes back to the release before, by hand; with `--undo` it takes the last rollback back. */
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
import { describeAttempt, requireCommitted } from './outcome.ts';

interface RollbackOptions extends CommonOptions {
  readonly yes?: true;
  readonly undo?: true;
}

export function addRollback(program: Command, context: CommandContext): void {
  program
    .command('rollback')
    .description('go back to the previous release; the present one is not tried again')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .option('--yes', 'go although what the cluster has stored since then is set aside')
    .option('--undo', 'take the last rollback back: the release that it left, with the data that lies aside')
    .addHelpText('after', examples('rollback', 'rollback --yes', 'rollback --undo --yes'))
    .addHelpText(
      'after',
      `\nThe anti-rollback counter stays: no server can bring the device back below it.
An undo is possible until the next update. A release that is not healthy is left again, with its data.`,
    )
    .action(async (options: RollbackOptions) => {
      await using opened = context.open(options.config, 'rollback');
      try {
        await opened.device.recover(context.signal, handPatience);
        const attempt = options.undo ? await undo(opened, options, context) : await goBack(opened, options, context);
        const { current } = opened.device.state;
        const text = `${describeAttempt(attempt)}\nnow on ${current?.version}`;
        context.output.answer({ attempt, current }, text);
      } finally {
        await opened.releaseService('leave');
      }
    });
}

async function goBack({ device }: OpenDevice, { yes }: RollbackOptions, { signal }: CommandContext) {
  if (!yes) await refuseLoss(device);
  return device.rollBack(signal, handPatience);
}

/** @throws SlipwayError with the code of the attempt where the box is on the release before again */
async function undo({ device }: OpenDevice, { yes }: RollbackOptions, { signal }: CommandContext) {
  if (!yes) {
    const { release, at } = await device.undoable();
    const message = `${release.version} comes back with its data: what was stored since ${at} is set aside`;
    throw new SlipwayError('usage', message, { hint: 'Run slipway-edge rollback --undo --yes if that is meant.' });
  }
  const attempt = await device.undoRollBack(signal, handPatience);
  requireCommitted(attempt);
  return attempt;
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
