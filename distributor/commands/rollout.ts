/**
 * `rollout ls | show | pause | resume | abort | reopen | promote | retry` shows where rollouts stand, and gives a
 * person's word on them.
 */
import { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { ControlAction } from '../rollout/campaigns/control.ts';
import type { RolloutView } from '../rollout/campaigns/view.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { type FleetOperations, placeHelp, withOperations, withStoreOptions } from './fleet-operations.ts';
import { parseReason } from './options/reason-option.ts';
import { rolloutLines, rolloutText } from './text/rollout-text.ts';

const actions = {
  pause: ['offer nothing until resumed; devices under way go on', 'paused'],
  resume: ['offer again after a pause or a stall', 'resumed'],
  abort: ['stop: this release is offered by this rollout no more, unless it is reopened', 'aborted'],
  reopen: ['take an abort back, without counting what failed before', 'open again'],
  promote: ['open the next wave now, whatever soak and gate say; after the last one, complete', 'promoted'],
  retry: ['offer the release once more to devices where it failed', 'told to try again'],
} as const satisfies Record<ControlAction, readonly [string, string]>;

export function rolloutCommand(line: CommandLine): Command {
  const command = new Command('rollout').description('see, pause, promote and stop rollouts');
  withStoreOptions(command.command('ls'))
    .description('list the rollouts in force')
    .addHelpText('after', `${examples('rollout ls')}\n${placeHelp}`)
    .action(async (_options: unknown, self: Command) => {
      const rollouts = await withOperations(line, self, (operations) => operations.rollouts());
      line.answer({ rollouts }, rolloutLines(rollouts, line.clock()));
    });
  withStoreOptions(command.command('show <name>'))
    .description('one rollout, wave by wave, with its gates, its conflicts and what comes next')
    .addHelpText('after', `${examples('rollout show k3s-1-33-9')}\n${placeHelp}`)
    .action(async (name: string, _options: unknown, self: Command) => {
      answerOne(line, await withOperations(line, self, (operations) => operations.rollouts(name)));
    });
  for (const action of Object.keys(actions) as ControlAction[]) {
    const [description, done] = actions[action];
    const example = examples(`rollout ${action} k3s-1-33-9 --reason "waiting for the vendor"`);
    withStoreOptions(command.command(`${action} <name>`))
      .description(description)
      .option('--reason <text>', 'why, for the audit log', parseReason, '')
      .addHelpText('after', `${example}\n\nIn force by the next check of any device.${placeHelp}`)
      .action(async (name: string, { reason }: { reason: string }, self: Command) => {
        const rollouts = await withOperations(line, self, (operations: FleetOperations) =>
          operations.control(name, action, reason),
        );
        const isOver = rollouts.every(({ status }) => status === 'completed');
        line.say(isOver ? `Rollout ${name} has completed.` : `Rollout ${name} is ${done}.`);
        answerOne(line, rollouts);
      });
  }
  return command;
}

function answerOne(line: CommandLine, rollouts: readonly RolloutView[]): void {
  if (rollouts.length === 0) throw new SlipwayError('rollout-unknown', 'no such rollout is in force');
  line.answer({ rollouts }, rollouts.map((rollout) => rolloutText(rollout, line.clock())).join('\n\n'));
}
