/** Prints devices as text: a line each, as they come, or one with its condition and its latest reports. */

import { safeguardLabelsOf, safeguardPrefix, withoutSafeguardLabels } from '../../../contract/device-api/safeguards.ts';
import { type Field, fieldLines } from '../../../system/command-line/fields.ts';
import { printable } from '../../../system/command-line/printable.ts';
import { tableLines, tableText } from '../../../system/command-line/table.ts';
import { relativeText, timeText } from '../../../system/command-line/times.ts';
import type { DeviceDetail, DeviceView } from '../../fleet/view.ts';
import { boxText } from './box-text.ts';
import { conditionRows, identityRow } from './condition-text.ts';

const noDevices =
  'No device is enrolled. Make a token with slipway-distributor enrolment-token create and give it to a device.';

/**
 * @param now milliseconds since 1970
 * @param isAll whether every device was asked for
 */
export function deviceLines(devices: AsyncIterable<DeviceView>, now: number, isAll: boolean): AsyncIterable<string> {
  const heading = ['ID', 'WAVE', 'REPORTED', 'RUNS', 'PHASE', 'OUTCOME', 'HELD BY', 'LAST SEEN', 'LABELS'];
  return tableLines(heading, devices, (device) => rowOf(device, now), isAll ? noDevices : 'No such device.');
}

function rowOf(device: DeviceView, now: number): string[] {
  const { lastReport: report, wave, current, phase, status, lastSeenAt } = device;
  return [
    device.id,
    wave === undefined ? '-' : `${wave.rollout}/${wave.name ?? '-'}`,
    report?.version ?? '-',
    current?.version ?? '-',
    report?.phase ?? phase ?? '-',
    report?.outcome ?? '-',
    status === 'accepted' ? heldText(device) : status,
    lastSeenAt === undefined ? 'never' : relativeText(lastSeenAt, now),
    printable(labelsText(withoutSafeguardLabels({ ...device.labels, ...device.givenLabels, ...device.labelsByRule }))),
  ];
}

function heldText({ heldBy }: DeviceView): string {
  return heldBy === undefined ? '-' : `${heldBy.fault} ${heldBy.code}`;
}

function labelsText(labels: DeviceView['labels']): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return words.length === 0 ? '-' : words.join(',');
}

export function deviceText(device: DeviceDetail, now: number): string {
  const { current, labels, cluster, site, rejected, reports } = device;
  const fields: Field[] = [
    ['product', `${device.product} on ${device.platform}`],
    ['runs', current === undefined ? 'nothing yet' : `${current.version} (counter ${current.counter})`],
    ['box', device.box && boxText(device.box)],
    ['phase', device.phase ?? 'never asked'],
    ['status', device.status],
    identityRow(device, now),
    ['key', device.keyId ?? 'none: it has a long bearer'],
    ['enrolled', timeText(device.enrolledAt, now)],
    ['last seen', device.lastSeenAt === undefined ? 'never' : timeText(device.lastSeenAt, now)],
    [
      'stands',
      `${site === undefined ? 'no site' : `site ${site}`}, ${cluster === undefined ? 'no cluster' : `cluster ${cluster}`}, ${device.role}`,
    ],
    ['labels', spacedLabels(withoutSafeguardLabels(labels))],
    ['safeguards', safeguardsText(labels)],
    ['given', device.givenLabels && spacedLabels(device.givenLabels)],
    ['updater', device.updaterVersion ?? 'unknown'],
    ['counter', `${device.counterFloor} at least`],
    ...rejected.map((digest): Field => ['rejected', digest]),
    ...conditionRows(device, now).map(([name = '', value = '']): Field => [name, value]),
  ];
  const facts = fieldLines(fields)
    .map((line) => `  ${line}`)
    .join('\n');
  return `${device.id}\n${facts}\n\n${reportTable(reports, now)}`;
}

/** As the box says; undefined where its updater does not tell. */
function safeguardsText(labels: DeviceView['labels']): string | undefined {
  const words = Object.entries(safeguardLabelsOf(labels)).map(([key, value]) => {
    return `${key.slice(safeguardPrefix.length)} ${printable(value)}`;
  });
  return words.length === 0 ? undefined : words.join(', ');
}

export function spacedLabels(labels: DeviceView['labels']): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return words.join(' ') || 'none';
}

function reportTable(reports: DeviceDetail['reports'], now: number): string {
  if (reports.length === 0) return 'It has reported nothing yet.';
  const rows = reports.map(({ sequence, at, version, phase, outcome, code, fault, nextTryAt, message }) => [
    String(sequence),
    timeText(new Date(Date.parse(at)).toISOString(), now),
    version,
    phase,
    outcome ?? '-',
    fault ?? '-',
    code ?? '-',
    nextTryAt === undefined ? '-' : timeText(nextTryAt, now),
    printable(message ?? ''),
  ]);
  const heading = ['REPORT', 'AT (ITS CLOCK)', 'VERSION', 'PHASE', 'OUTCOME', 'FAULT', 'CODE', 'NEXT TRY', 'MESSAGE'];
  return tableText(heading, rows);
}
