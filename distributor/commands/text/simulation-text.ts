/** Prints the result of a simulation for people: what came of it, wave by wave, and what the worst moment was. */

import { tableText } from '../../../system/command-line/table.ts';
import { instantText, lengthText } from '../../../system/command-line/times.ts';
import type { DeviceCounts, RolloutResult, SimulationResult } from '../../simulation/result.ts';
import { grouped } from '../../simulation/svg.ts';

export function simulationText(result: SimulationResult): string {
  const { startedAt } = result;
  const parts = (result.rollouts ?? [result]).map((rollout) => rolloutText(rollout, startedAt));
  return parts.join('\n\n');
}

function rolloutText(result: RolloutResult, startedAt: string): string {
  const { rollout, release, outcome, reason, devices, unopenedWaves, worstCase, waves } = result;
  const started = Date.parse(startedAt);
  const finished = new Date(started + result.finishedAfterSeconds * 1000).toISOString();
  const ends = { completed: 'completed after', aborted: 'was aborted after', stalled: 'stalled after' }[outcome];
  const rows = waves.map((wave) => {
    const { name, openedAt, closedAt, openedAfterSeconds } = wave;
    const openFor = closedAt === null ? 'open' : lengthText((Date.parse(closedAt) - Date.parse(openedAt)) / 1000);
    return [
      name,
      instantText(openedAt),
      lengthText(openedAfterSeconds),
      openFor,
      grouped(wave.devices),
      ...countsOf(wave),
    ];
  });
  for (const name of unopenedWaves) rows.push([name, 'never', '', '', '', '', '', '', '']);
  rows.push(['in all', '', '', '', grouped(devices), ...countsOf(result)]);
  return [
    `${rollout}, release ${release}, ${ends} ${lengthText(result.finishedAfterSeconds)}, ${instantText(finished)}.`,
    reason,
    '',
    tableText(['WAVE', 'OPENS', 'AFTER', 'OPEN FOR', 'DEVICES', 'COMMITTED', 'FAILED', 'UNREACHABLE', 'OTHERS'], rows),
    '',
    `Worst case: ${grouped(worstCase)} of ${grouped(devices)} devices ran the release at once, probation included.`,
    othersText(result),
    heldText(result),
  ]
    .filter((line) => line !== undefined)
    .join('\n');
}

function countsOf(counts: DeviceCounts): string[] {
  const { committed, failed, unreachable, reverted, underWay, waiting, notOffered } = counts;
  return [committed, failed, unreachable, reverted + underWay + waiting + notOffered].map(grouped);
}

function othersText({ reverted, underWay, waiting, notOffered }: DeviceCounts): string | undefined {
  const kinds = [
    [reverted, 'sent back'],
    [underWay, 'still under way'],
    [waiting, 'waiting for a window'],
    [notOffered, 'never offered the release'],
  ] as const;
  const words = kinds.filter(([devices]) => devices > 0).map(([devices, what]) => `${grouped(devices)} ${what}`);
  return words.length === 0 ? undefined : `Others: ${words.join(', ')}.`;
}

/** What makes small waves wait for later ones, and what helps. */
function heldText({ waves }: RolloutResult): string | undefined {
  const held = waves.filter(({ agentsHeld }) => agentsHeld > 0);
  if (held.length === 0) return undefined;
  const words = held.map(({ name, agentsHeld, devices }) => `${grouped(agentsHeld)} of ${grouped(devices)} of ${name}`);
  return [
    `Held: agents whose server comes in a later wave, so that they were offered nothing before it: ${words.join(', ')}.`,
    'A rollout for the servers, and one for the agents that comes after it, keeps such waves whole.',
  ].join('\n');
}
