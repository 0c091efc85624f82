/** `validate FILE|DIR`: what a pull request runs over rollouts before anybody applies them. */
import { Command } from 'commander';
import type { CommandLine } from './command-line.ts';

export function validateCommand(line: CommandLine): Command {
  return new Command('validate')
    .argument('<place>', 'a rollout file, or a folder of them')
    .description('check rollouts: each mistake with its file, line and column')
    .addHelpText('after', '\nExample:\n  slipway-distributor validate rollouts/')
    .action(async (place: string) => {
      const { rollouts } = await line.rolloutFiles(place).read();
      const names = rollouts.map((rollout) => rollout.name);
      line.answer({ valid: true, rollouts: names }, `${names.length} rollouts are valid.`);
    });
}
