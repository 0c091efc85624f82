/** Prints many runs of a simulation for people: a line for each failure rate. */

import { tableText } from '../../../system/command-line/table.ts';
import { lengthText } from '../../../system/command-line/times.ts';
import type { Distribution, Spread } from '../../simulation/distribution.ts';
import { grouped } from '../../simulation/svg.ts';

export function distributionText({ rollout, devices, runs, seed, rates }: Distribution): string {
  const rows = rates.map(({ failureRate, outcomes, devicesOnRelease, completedAfterSeconds, stoppedAfterSeconds }) => [
    percent(failureRate),
    ...[outcomes.completed, outcomes.aborted, outcomes.stalled].map((count) => percent(count / runs)),
    spreadText(devicesOnRelease, grouped),
    completedAfterSeconds ? spreadText(completedAfterSeconds, lengthText) : '-',
    stoppedAfterSeconds ? spreadText(stoppedAfterSeconds, lengthText) : '-',
  ]);
  const heads = ['BAD', 'COMPLETED', 'ABORTED', 'STALLED', 'DEVICES ON IT', 'COMPLETED AFTER', 'STOPPED AFTER'];
  return [
    `${rollout}: ${grouped(runs)} runs over ${grouped(devices)} devices for each failure rate, seeds ${seed} to ${seed + runs - 1}.`,
    'Each pair is the median and the 95th percentile of the runs.',
    '',
    tableText(heads, rows),
  ].join('\n');
}

function spreadText({ median, p95 }: Spread, text: (value: number) => string): string {
  return median === p95 ? text(median) : `${text(median)} / ${text(p95)}`;
}

/** `0.5 %`, with as few digits as say it. */
function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
