/** Prints what is in a device's way as rows of text, for `device show` and `why`: its troubles, and its last report. */

import type { Field } from '../../../system/command-line/fields.ts';
import { timeText } from '../../../system/command-line/times.ts';
import type { DeviceView } from '../../fleet/view.ts';

/** Whether two machines ask as this device. */
export function identityRow({ identitySharedAt: at }: Pick<DeviceView, 'identitySharedAt'>, now: number): Field {
  return ['identity', at && `shared by two machines since ${timeText(at, now)}; the later one is refused`];
}

/** Name and text of each; texts hold what devices wrote. */
export function conditionRows({ troubles, lastReport }: Pick<DeviceView, 'troubles' | 'lastReport'>, now: number) {
  const troubleRows = troubles?.map(({ fault, code, message, since }) => [
    'trouble',
    `${fault} ${code} since ${timeText(since, now)}: ${message}`,
  ]);
  return [
    ...(troubleRows ?? [['troubles', 'unknown, its updater does not tell']]),
    ...(troubleRows?.length === 0 ? [['troubles', 'none']] : []),
    ...(lastReport === undefined ? [] : [['reported', reportText(lastReport, now)]]),
  ];
}

function reportText(report: NonNullable<DeviceView['lastReport']>, now: number): string {
  const { at, rollout, version, phase, outcome, fault, code, message, nextTryAt } = report;
  return [
    `${version}${rollout === undefined ? '' : ` of ${rollout}`} ${outcome ?? phase} ${timeText(at, now)}`,
    code === undefined ? undefined : `${fault} ${code}${message === undefined ? '' : `: ${message}`}`,
    nextTryAt === undefined ? undefined : `tries again ${timeText(nextTryAt, now)}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}
