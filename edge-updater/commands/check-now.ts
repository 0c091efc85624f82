/** `slipway-edge check-now`: one check and, if a release is offered, the whole update, in this process. */
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, defaultConfigFile, handPatience } from './command-context.ts';
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
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ slipway-edge check-now\n  $ slipway-edge check-now --retry-rejected --json\n\nEnds with 0 when nothing is to be done or the release is committed, 8 when it was rolled back,\n4 when it is not trusted, 5 when the server cannot be reached, 9 while the daemon runs.',
    )
    .action(async (options: CheckNowOptions) => {
      await using opened = context.open(options.config, 'check-now');
      const { device } = opened;
      try {
        await device.recover(context.signal, handPatience);
        if (options.retryRejected) device.forgetRejections();
        const { answer, attempt } = await device.check(context.signal, handPatience);
        opened.polled({ reason: answer.reason });
        const detail = answer.decision === 'none' && answer.detail ? `: ${answer.detail}` : '';
        const text = attempt ? describeAttempt(attempt) : `nothing to do, ${answer.reason}${detail}`;
        if (!attempt || attempt.outcome === 'committed' || !options.json) {
          context.print({ answer, ...(attempt ? { attempt } : {}) }, text, options.json === true);
        }
        if (attempt) requireCommitted(attempt);
      } finally {
        await opened.releaseService('leave');
      }
    });
}
