/** `slipway-edge act` runs the actor of an adopted box; systemd starts it when the updater asks. */
import type { Command } from 'commander';
import { actorFolder } from '../adoption/actor-units.ts';
import { type CommandContext, type CommonOptions, defaultConfigFile } from './command-context.ts';
import { examples } from './examples.ts';

export function addAct(program: Command, context: Pick<CommandContext, 'act' | 'signal'>): void {
  program
    .command('act')
    .description('touch the data of the adopted box and look at it, for the updater, which may not; systemd starts it')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .option('--record <folder>', 'where adopt has written which box it is', actorFolder)
    .addHelpText('after', examples('act'))
    .addHelpText('after', '\nIt serves the socket that systemd passes, and ends when nobody has asked for a while.')
    .action(({ config, record }: CommonOptions & { readonly record: string }) =>
      context.act(config, record, context.signal),
    );
}
