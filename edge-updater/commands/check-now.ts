/** `slipway-edge check-now` makes one check and, if a release is offered, the whole update, in this process. */
import type { Command } from 'commander';
import type { HeardAnswer } from '../../contract/device-api/check.ts';
import { describeWaiting, type WaitForWindow } from '../update/switch-window.ts';
import { type CommandContext, type CommonOptions, defaultConfigFile, handPatience } from './command-context.ts';
import { examples } from './examples.ts';
import { describeAttempt, requireCommitted } from './outcome.ts';

interface CheckNowOptions extends CommonOptions {
  readonly retryRejected?: boolean;
}

export function addCheckNow(program: Command, context: CommandContext): void {
  program
    .command('check-now')
    .description('check once and, if a release is offered, install it')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .option('--retry-rejected', 'forget which releases failed here before')
    .addHelpText('after', examples('check-now', 'check-now --retry-rejected --json'))
    .addHelpText(
      'after',
      '\nDone is, too, when nothing is to be done, and when the release waits for its window or was taken back by a permit.',
    )
    .action(async (options: CheckNowOptions) => {
      await using opened = context.open(options.config, 'check-now');
      const { device } = opened;
      try {
        await device.recover(context.signal, handPatience);
        if (options.retryRejected) device.forgetRejections();
        const { answer, attempt } = await device.check(context.signal, handPatience, 'person');
        opened.polled({ reason: answer.reason });
        const { waiting } = device;
        const text = attempt ? describeAttempt(attempt) : idleText(answer, waiting);
        // Going back is what was asked for then.
        const isFailure = attempt !== undefined && attempt.outcome !== 'committed' && answer.decision !== 'revert';
        if (!isFailure || !context.output.isJson) {
          const found = { answer, attempt, waiting };
          context.output.answer(found, text);
        }
        if (isFailure) requireCommitted(attempt);
      } finally {
        await opened.releaseService('leave');
      }
    });
}

function idleText(answer: HeardAnswer, waiting: WaitForWindow | undefined): string {
  if (waiting) return `${describeWaiting(waiting)}; the daemon switches it`;
  const detail = answer.decision === 'none' && answer.detail ? `: ${answer.detail}` : '';
  return `nothing to do, ${answer.reason}${detail}`;
}
