/** `slipway-edge install BUNDLE` installs a release without a network, checked as if it came over one. */
import type { Command } from 'commander';
import { installBundle, noOtherSource } from '../bundle/install-bundle.ts';
import { type CommandContext, type CommonOptions, defaultConfigFile, handPatience } from './command-context.ts';
import { examples } from './examples.ts';
import { describeAttempt, requireCommitted } from './outcome.ts';

export function addInstall(program: Command, context: CommandContext): void {
  program
    .command('install')
    .argument('<bundle>', 'file made by slipway-packager bundle')
    .description('install a release from a bundle, without a network')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText('after', examples('install /media/usb/k3s-1.33.9.slipway'))
    .action(async (bundle: string, options: CommonOptions) => {
      await using opened = context.open(options.config, 'install', { blobs: noOtherSource });
      try {
        await opened.device.recover(context.signal, handPatience);
        const attempt = await installBundle(opened.device, bundle, context.signal, handPatience);
        requireCommitted(attempt);
        context.output.answer({ attempt }, describeAttempt(attempt));
      } finally {
        await opened.releaseService('leave');
      }
    });
}
