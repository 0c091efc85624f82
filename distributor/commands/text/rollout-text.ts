/** Prints rollouts as text: a line each, or one wave by wave with gates, conflicts and what comes next. */

import { printable } from '../../../system/command-line/printable.ts';
import { tableText } from '../../../system/command-line/table.ts';
import { lengthText, relativeText, timeText } from '../../../system/command-line/times.ts';
import type { RolloutView, WaveView } from '../../rollout/campaigns/view.ts';

const noRollouts =
  'No rollout is in force. Declare one in the folder or repository that the server reads, and check it with\n' +
  'slipway-distributor validate.';

export function rolloutLines(rollouts: readonly RolloutView[], now: number): string {
  if (rollouts.length === 0) return noRollouts;
  const rows = rollouts.map((rollout) => [
    rollout.name,
    rollout.product,
    rollout.version ?? '-',
    rollout.status,
    openWave(rollout)?.name ?? '-',
    ...waveColumns.map(([column]) => String(sum(rollout, column))),
    rollout.changedAt === undefined ? '-' : relativeText(rollout.changedAt, now),
    printable(rollout.reason),
  ]);
  return tableText(['NAME', 'PRODUCT', 'VERSION', 'STATUS', 'WAVE', ...names, 'CHANGED', 'REASON'], rows);
}

export function rolloutText(rollout: RolloutView, now: number): string {
  const to = rollout.group === undefined ? 'every device of the product' : `group ${rollout.group}`;
  const target = rollout.version ?? ('channel' in rollout.target ? rollout.target.channel : rollout.target.release);
  const parts = [
    `${rollout.name}: ${rollout.product} ${target} to ${to}`,
    `${rollout.status}: ${printable(rollout.reason)}${since(rollout, now)}`,
    nextText(rollout, now),
    detailText(rollout, now),
    '',
    waveTable(rollout, now),
    '',
    sumLine(rollout),
    ...gateLines(rollout, now),
    ...holdLines(rollout),
    ...conflictLines(rollout),
  ];
  return parts.filter((part) => part !== undefined).join('\n');
}

/** Every device is in one of them. */
export const waveColumns = [
  ['committed', 'COMMITTED'],
  ['failed', 'FAILED'],
  ['reverted', 'SENT BACK'],
  ['pending', 'UNDER WAY'],
  ['waiting', 'WAITING'],
  ['heldByDevice', 'HELD: DEVICE'],
  ['heldByPath', 'HELD: PATH'],
  ['unreachable', 'UNREACHABLE'],
  ['notAsked', 'NOT ASKED'],
] as const satisfies readonly (readonly [keyof WaveView, string])[];
const names = waveColumns.map(([, name]) => name);

function since({ changedAt }: RolloutView, now: number): string {
  return changedAt === undefined ? '' : ` - since ${timeText(changedAt, now)}`;
}

function nextText({ status, next, reason }: RolloutView, now: number): string | undefined {
  if (status === 'aborted' || status === 'completed') return undefined;
  const until = next.until === undefined ? '' : ` Not before ${timeText(next.until, now)}, unless devices report.`;
  const detail = next.detail === reason ? '' : ` ${printable(next.detail)}`;
  if (next.step === 'wait') return `next: waits (${next.waitsFor ?? '-'}).${detail}${until}`;
  return `next: ${next.step}.${detail}`;
}

function detailText(rollout: RolloutView, now: number): string {
  const { priority, generation, deadline, after, stalledAt, require: required } = rollout;
  return [
    `priority ${priority}`,
    generation === 0 ? undefined : `told to try again ${generation === 1 ? 'once' : `${generation} times`}`,
    after.length === 0 ? undefined : `after ${after.join(', ')}`,
    required === undefined ? undefined : `requires ${required.join(', ')}`,
    deadline === undefined ? undefined : `deadline ${timeText(deadline, now)}`,
    stalledAt === undefined ? undefined : `stalled ${timeText(stalledAt, now)}`,
  ]
    .filter((part) => part !== undefined)
    .join('; ');
}

function waveTable({ waves }: RolloutView, now: number): string {
  const rows = waves.map((wave) => [
    wave.name,
    'percent' in wave.size ? `${wave.size.percent} %` : `${wave.size.count} devices`,
    wave.state,
    wave.boundPercent === undefined ? '-' : `${wave.boundPercent} %`,
    wave.openedAt === undefined ? '-' : timeText(wave.openedAt, now),
    wave.openedAt === undefined ? '-' : String(wave.members),
    ...waveColumns.map(([column]) => (wave.openedAt === undefined ? '-' : String(wave[column]))),
  ]);
  return tableText(['WAVE', 'UP TO', 'STATE', 'BOUND', 'OPENED', 'MEMBERS', ...names], rows);
}

function gateLines({ waves }: RolloutView, now: number): string[] {
  return waves
    .filter((wave) => wave.state !== 'waiting')
    .flatMap((wave) => [
      `gate of ${wave.name}: ${wave.gate.progress}${soakText(wave, now)}`,
      ...heldLines(wave),
      ...checkLines(wave, now),
    ]);
}

/** Every device of the group, and where they stand. */
function sumLine(rollout: RolloutView): string | undefined {
  const { later } = rollout;
  if (later === undefined) return undefined;
  const counted = waveColumns.map(([column, name]) => [sum(rollout, column), name.toLowerCase()] as const);
  const all = counted.reduce((total, [devices]) => total + devices, later);
  const shown = [...counted, [later, 'in no open wave'] as const].filter(([devices]) => devices > 0);
  const words = shown.map(([devices, name]) => `${devices} ${name}`).join(', ');
  return `${all} ${all === 1 ? 'device' : 'devices'}${words === '' ? '' : `: ${words}`}`;
}

function holdLines({ holds }: RolloutView): string[] {
  return holds.map(({ fault, code, devices }) => {
    const whose = fault === 'path' ? 'the way to the bytes' : 'their own trouble';
    return `held: ${devices} ${devices === 1 ? 'device' : 'devices'} by ${whose}, ${printable(code)}; they try again by themselves.`;
  });
}

function heldLines({ agentsHeld = 0, members }: WaveView): string[] {
  if (agentsHeld === 0) return [];
  const what = `${agentsHeld} of ${members} members are agents with a server that no open wave covers`;
  return [`  held: ${what}; they are offered nothing before it runs the release.`];
}

function soakText({ state, soaksUntil, soakSeconds, nextSoakedAt }: WaveView, now: number): string {
  if (state === 'passed') return '; passed';
  if (nextSoakedAt !== undefined) return `; the next device has soaked at ${timeText(nextSoakedAt, now)}`;
  if (soaksUntil !== undefined && Date.parse(soaksUntil) > now) return `; soaks until ${timeText(soaksUntil, now)}`;
  return soakSeconds === 0 ? '' : `; soaked for ${lengthText(soakSeconds)}`;
}

function checkLines({ state, gate }: WaveView, now: number): string[] {
  if (state !== 'open') return [];
  return gate.checks.map(({ name, kind, verdict, detail, askedAt }) => {
    if (verdict === undefined || askedAt === undefined)
      return `  check ${name} (${kind}): the server has not asked it yet`;
    return `  check ${name} (${kind}): ${verdict}, ${printable(detail ?? '')} (asked ${relativeText(askedAt, now)})`;
  });
}

function conflictLines({ name, overlaps = [] }: RolloutView): string[] {
  return overlaps.map(({ rollout, devices, winner }) => {
    const decides = winner === name ? 'this one comes first' : `${winner} comes first`;
    return `conflict: ${devices} of its devices are claimed by ${rollout}, too; ${decides}.`;
  });
}

function openWave({ waves }: RolloutView): WaveView | undefined {
  return waves.findLast((wave) => wave.openedAt !== undefined);
}

function sum({ waves }: RolloutView, column: (typeof waveColumns)[number][0]): number {
  return waves.reduce((total, wave) => total + wave[column], 0);
}
