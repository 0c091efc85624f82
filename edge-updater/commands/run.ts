/** `slipway-edge run` runs the daemon. */
import type { Command } from 'commander';
import { runDaemon } from '../device/daemon.ts';
import { type CommandContext, type CommonOptions, defaultConfigFile } from './command-context.ts';
import { examples } from './examples.ts';

export function addRun(program: Command, context: CommandContext): void {
  program
    .command('run')
    .description('check, update and watch until stopped')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText('after', examples('run', 'run --config ./edge.yaml'))
    .addHelpText('after', '\nIt ends with 0 when it is told to end, by SIGTERM or SIGINT.')
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
