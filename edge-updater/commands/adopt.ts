/** `slipway-edge adopt` takes over an installed K3s or K0s, and `unadopt` gives it back. Neither stops nor starts it. */
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, defaultConfigFile } from './command-context.ts';
import { examples } from './examples.ts';

export function addAdopt(program: Command, context: CommandContext): void {
  program
    .command('adopt')
    .description('take over the K3s or K0s that is installed here, so that updates keep its data and go back with it')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText('after', examples('adopt'))
    .addHelpText(
      'after',
      `\nThe installed program becomes the first slot, and a link takes its place. A drop-in of systemd lets the updater hold the
unit while data is copied, and a unit of its own looks at the box before each boot. The service runs on meanwhile.
Run it again after an installer has put its own program there.`,
    )
    .action(async ({ config }: CommonOptions) => {
      await using opened = context.open(config, 'adopt', { hands: 'own' });
      try {
        const adoption = await context.adopt(opened, config);
        const { current } = opened.device.state;
        const { distribution, role, unit, program: installed, dataDir, datastore } = adoption;
        const text = `${unit}: ${distribution} ${role} ${current?.version ?? ''}, ${datastore} in ${dataDir}
${installed} is a link into the current slot now`;
        context.output.answer(
          { adopted: { distribution, role, unit, program: installed, dataDir, datastore }, current },
          text,
        );
      } finally {
        await opened.releaseService('leave');
      }
    });
}

export function addUnadopt(program: Command, context: CommandContext): void {
  program
    .command('unadopt')
    .description('give the box back: its program is a file again, and the files of the updater are gone')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText('after', examples('unadopt'))
    .addHelpText('after', '\nThe release that runs stays. The copies of its data are deleted.')
    .action(async ({ config }: CommonOptions) => {
      await using opened = context.open(config, 'unadopt', { hands: 'own' });
      try {
        const { unit, program: installed } = await context.unadopt(opened, config);
        context.output.answer({ unadopted: { unit, program: installed } }, `${installed} of ${unit} is a file again`);
      } finally {
        await opened.releaseService('leave');
      }
    });
}
