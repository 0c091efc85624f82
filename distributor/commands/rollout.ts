/** `rollout ls | show`: the rollouts in force and how far they are, from the fleet database; the server need not run. */
import { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { FleetState } from '../fleet/ports.ts';
import { advance } from '../rollout/advance.ts';
import { countWaves } from '../rollout/progress.ts';
import { type RolloutView, viewOf } from '../rollout/view.ts';
import { type CommandLine, type StatePlace, table, withState, withStateOptions } from './command-line.ts';

export function rolloutCommand(line: CommandLine): Command {
  const command = new Command('rollout').description('see rollouts');
  withStateOptions(command.command('ls'))
    .description('list the rollouts in force')
    .addHelpText('after', '\nExample:\n  slipway-distributor rollout ls')
    .action(async (place: StatePlace) => {
      const rollouts = await withState(line, place, (fleet) => viewsOf(fleet, line.clock()));
      const rows = rollouts.map((rollout) => [
        rollout.name,
        rollout.product,
        rollout.version ?? '-',
        rollout.status,
        rollout.waves.findLast((wave) => wave.openedAt !== undefined)?.name ?? '-',
        rollout.reason,
      ]);
      line.answer({ rollouts }, table(['NAME', 'PRODUCT', 'VERSION', 'STATUS', 'WAVE', 'REASON'], rows));
    });
  withStateOptions(command.command('show <name>'))
    .description('one rollout, wave by wave')
    .addHelpText('after', '\nExample:\n  slipway-distributor rollout show k3s-1-33-9')
    .action(async (name: string, place: StatePlace) => {
      const all = await withState(line, place, (fleet) => viewsOf(fleet, line.clock()));
      const rollouts = all.filter((rollout) => rollout.name === name);
      if (rollouts.length === 0) throw new SlipwayError('rollout-unknown', `no rollout ${name} is in force`);
      line.answer({ rollouts }, rollouts.map(describe).join('\n\n'));
    });
  return command;
}

/** The campaigns that were ever started of each rollout in force; one without any waits. */
async function viewsOf(fleet: FleetState, now: number): Promise<RolloutView[]> {
  const declared = await fleet.loadDeclared();
  const campaigns = await fleet.loadCampaigns();
  const views: RolloutView[] = [];
  for (const rollout of declared?.rollouts ?? []) {
    const own = campaigns.filter((campaign) => campaign.rollout === rollout.name);
    if (own.length === 0) views.push(viewOf({ rollout, campaign: undefined, counts: [], next: undefined }));
    for (const campaign of own) {
      const counts = await countWaves(fleet, rollout, campaign, now);
      views.push(viewOf({ rollout, campaign, counts, next: advance(rollout, campaign, counts, now) }));
    }
  }
  return views;
}

function describe(rollout: RolloutView): string {
  const rows = rollout.waves.map((wave) => [
    wave.name,
    `${wave.percent} %`,
    wave.openedAt ?? 'closed',
    String(wave.committed),
    String(wave.failed),
    String(wave.pending),
    String(wave.unreachable),
  ]);
  const heading = ['WAVE', 'UP TO', 'OPENED', 'COMMITTED', 'FAILED', 'PENDING', 'UNREACHABLE'];
  const title = `${rollout.name}: ${rollout.product} ${rollout.version ?? ''} ${rollout.status}`;
  return `${title}\n${rollout.reason}\n${table(heading, rows)}`;
}
