/** Results of the bench of the server as Markdown, for the terminal and for SERVER-RESULTS.md. */
import { limits } from '../../../contract/limits.ts';
import type { BlobRate } from './blobs.ts';
import type { CheckInRates } from './check-ins.ts';
import type { CrowdCost } from './slow-readers.ts';

export interface ServerBench {
  readonly blobs: readonly BlobRate[];
  readonly readers: readonly CrowdCost[];
  readonly checkIns: CheckInRates;
}

export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  /** Load of the machine when the bench began, processes. */
  readonly load: number;
}

export function pageOf({ blobs, readers, checkIns }: ServerBench, { date, machine, load }: Circumstances): string {
  return [
    '# The server, measured',
    '',
    `Made by \`npm run bench -- server\` on ${date}: ${machine}, Node ${process.versions.node}, load ${load.toFixed(1)} at the start.`,
    'The bundle that is shipped, with its log at the default level in a file; the load is wrk, a process of its own, on the',
    'same machine. Ratios say more than speeds: both servers share the machine with the load and whatever else runs.',
    '',
    '## Blobs beside nginx',
    '',
    `One file of 60 MB; medians of rounds in which the two take turns. Targets: whole ≥ 0.9, ranges ≥ 0.6, CPU ≤ 4.`,
    '',
    ...table(
      ['what', 'connections', 'nginx', 'distributor', 'ratio', 'CPU per GB', 'beside nginx'],
      blobs.map(blobCells),
    ),
    '',
    '## Slow readers',
    '',
    `Resident memory of the server. Stated bound: ${mebibytes(limits.maxSendBufferBytes)} shared, and`,
    `${Math.round(limits.maxSlowReaderBytes / 1024)} KiB a reader.`,
    '',
    ...table(
      ['readers', 'before', 'with them', 'with as many again', 'after', 'bound', 'speed of others'],
      readers.map(crowdCells),
    ),
    '',
    '## Check-ins',
    '',
    ...table(['what', 'measured'], checkInRows(checkIns)),
    '',
  ].join('\n');
}

function blobCells({ transport, kind, connections, own, nginx, speedRatio, cpuRatio, failed }: BlobRate): string[] {
  const speed = (bytes: number) => `${Math.round(bytes / 1e6)} MB/s`;
  return [
    `${transport}, ${kind}${failed > 0 ? ` (${failed} failed)` : ''}`,
    String(connections),
    speed(nginx.bytesPerSecond),
    speed(own.bytesPerSecond),
    speedRatio.toFixed(2),
    `${own.cpuSecondsPerGigabyte.toFixed(2)} s`,
    `${cpuRatio.toFixed(1)} ×`,
  ];
}

function crowdCells({ readers, beforeBytes, duringBytes, againBytes, afterBytes, speedRatio }: CrowdCost): string[] {
  const bound = beforeBytes + limits.maxSendBufferBytes + readers * limits.maxSlowReaderBytes;
  return [
    String(readers),
    ...[beforeBytes, duringBytes, againBytes, afterBytes, bound].map(mebibytes),
    `${speedRatio.toFixed(2)} ×`,
  ];
}

function checkInRows({ devices, server, bare, half, ratio }: CheckInRates): string[][] {
  const count = (value: number) => Math.round(value).toLocaleString('en-US');
  const times = ({ p50, p99 }: { p50: number; p99: number }) => `${p50.toFixed(1)} ms, ${p99.toFixed(1)} ms`;
  return [
    [`check-ins a second, ${count(devices)} devices`, count(server.perSecond)],
    ['p50 and p99 then', times(server)],
    ['the same load on a bare route of the same framework', count(bare.perSecond)],
    ['ratio of the two', ratio.toFixed(2)],
    [`p50 and p99 at ${count(half.perSecond)} check-ins a second`, times(half)],
    ['requests that failed', count(server.failed + half.failed + bare.failed)],
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [head, line, ...rows].map((row) => `| ${row.join(' | ')} |`);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
