/** `slipway-edge run`: the daemon. */
import type { Command } from 'commander';
import { runDaemon } from '../device/daemon.ts';
import { type CommandContext, type CommonOptions, defaultConfigFile } from './command-context.ts';

export function addRun(program: Command, context: CommandContext): void {
  program
    .command('run')
    .description('check, update and watch until stopped')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText(
      'after',
      '\nExamples:\n  $ slipway-edge run\n  $ slipway-edge run --config ./edge.yaml\n\nEnds with 0 on SIGTERM, 9 where another updater runs, 3 on a configuration that is not valid.',
    )
    .action(async (options: CommonOptions) => {
      const found = await context.openPatiently(options.config, 'run').catch((thrown) => {
        if (context.signal.aborted) return undefined;
        throw thrown;
      });
      if (!found) return;
      await using opened = found;
      const { device, configuration } = opened;
      const { poll, download } = configuration;
      try {
        await runDaemon(
          device,
          {
            ...poll,
            backoff: { baseSeconds: download.retryBaseSeconds, capSeconds: download.retryCapSeconds },
            onReady: () => opened.notify('READY=1'),
            onPolled: (polled) => opened.polled(polled),
          },
          context.signal,
        );
      } catch (error) {
        if (!context.signal.aborted) throw error;
      } finally {
        opened.notify('STOPPING=1');
        await opened.releaseService('stop');
      }
    });
}
