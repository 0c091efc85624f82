/** `slipway-edge recover` ends what a stop of any kind interrupted; with `--boot`, before the box has started. */
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, defaultConfigFile, handPatience } from './command-context.ts';
import { examples } from './examples.ts';

export function addRecover(program: Command, context: CommandContext): void {
  program
    .command('recover')
    .description('end what a power cut or a kill interrupted, as the daemon does when it starts')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .option('--boot', 'before the unit of an adopted box starts: count the boot, put data in place, start nothing')
    .addHelpText('after', examples('recover', 'recover --boot'))
    .action(async ({ config, boot }: CommonOptions & { readonly boot?: true }) => {
      await using opened = context.open(config, 'recover', { hands: boot ? 'own' : 'actor' });
      try {
        const { device } = opened;
        if (boot) await device.recoverBeforeStart();
        else await device.recover(context.signal, handPatience);
        const { update, current } = device.state;
        const text = `${update.phase}, ${current?.version ?? 'no release'}`;
        context.output.answer({ phase: update.phase, current }, text);
      } finally {
        await opened.releaseService('leave');
      }
    });
}
