/** Devices as text: a line each, or one with its latest reports. */
import type { DeviceDetail, DeviceView } from '../fleet/view.ts';
import { table } from './command-line.ts';
import { printable } from './printable.ts';
import { relativeText, timeText } from './time-words.ts';

export const noDevices =
  'No device is enrolled. Make a token with slipway-distributor enrolment-token create and give it to a device.';

export function deviceLines(devices: readonly DeviceView[], now: number): string {
  if (devices.length === 0) return noDevices;
  const rows = devices.map((device) => [
    device.id,
    device.product,
    device.platform,
    device.current?.version ?? '-',
    device.phase ?? '-',
    device.status,
    device.site ?? '-',
    device.cluster === undefined ? '-' : `${device.cluster} ${device.role}`,
    device.lastSeenAt === undefined ? 'never' : relativeText(device.lastSeenAt, now),
  ]);
  const heading = ['ID', 'PRODUCT', 'PLATFORM', 'VERSION', 'PHASE', 'STATUS', 'SITE', 'CLUSTER', 'LAST SEEN'];
  return table(heading, rows);
}

export function deviceText(device: DeviceDetail, now: number): string {
  const { current, labels, cluster, site, rejected, reports } = device;
  const rows = [
    ['product', `${device.product} on ${device.platform}`],
    ['runs', current === undefined ? 'nothing yet' : `${current.version} (counter ${current.counter})`],
    ['phase', device.phase ?? 'never asked'],
    ['status', device.status],
    ['enrolled', timeText(device.enrolledAt, now)],
    ['last seen', device.lastSeenAt === undefined ? 'never' : timeText(device.lastSeenAt, now)],
    [
      'stands',
      `${site === undefined ? 'no site' : `site ${site}`}, ${cluster === undefined ? 'no cluster' : `cluster ${cluster}`}, ${device.role}`,
    ],
    [
      'labels',
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ') || 'none',
    ],
    ['updater', device.updaterVersion ?? 'unknown'],
    ['counter', `${device.counterFloor} at least`],
    ...rejected.map((digest) => ['rejected', digest]),
  ];
  const width = Math.max(...rows.map(([name = '']) => name.length));
  const facts = rows.map(([name = '', value = '']) => `  ${name.padEnd(width)}  ${printable(value)}`).join('\n');
  return `${device.id}\n${facts}\n\n${reportTable(reports, now)}`;
}

function reportTable(reports: DeviceDetail['reports'], now: number): string {
  if (reports.length === 0) return 'It has reported nothing yet.';
  const rows = reports.map(({ sequence, at, version, phase, outcome, code, message }) => [
    String(sequence),
    timeText(new Date(Date.parse(at)).toISOString(), now),
    version,
    phase,
    outcome ?? '-',
    code ?? '-',
    printable(message ?? ''),
  ]);
  return table(['REPORT', 'AT (ITS CLOCK)', 'VERSION', 'PHASE', 'OUTCOME', 'CODE', 'MESSAGE'], rows);
}
