/**
 * `npm run bench -- rollout [--devices N] [--seconds S] [--json]`: what staging rollouts costs, measured: decisions on
 * one core, check-ins through the whole server beside a bare route, the size of the database, a simulated fleet.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { measuredRun } from '../measured-run.ts';
import { type CheckInRates, measureCheckIns } from '../server/check-ins.ts';
import { type DatabaseSize, measureDatabaseSize } from './database-size.ts';
import { type DecideRate, measureDecide } from './decide-rate.ts';
import { fleetOnDisk } from './fleet-on-disk.ts';

export interface RolloutBench {
  readonly decide: DecideRate;
  readonly checkIns: CheckInRates;
  readonly database: DatabaseSize;
  readonly simulation: { readonly devices: number; readonly seconds: number; readonly peakRssBytes: number };
}

interface Wishes {
  readonly devices: number;
  readonly seconds: number;
  readonly json: boolean;
}

const root = path.join(import.meta.dirname, '../../..');
const rounds = 3;
const rollouts = 10;

export async function benchRollout(wishes: Wishes): Promise<void> {
  const load = loadavg()[0] ?? 0;
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-'));
  try {
    const result = await measure(folder, wishes);
    const lines = linesOf(result);
    const page = [
      '# Rollouts, measured',
      '',
      `Made by \`npm run bench -- rollout\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model.trim()},`,
      `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${load.toFixed(1)} at the start. The server logs as it is shipped; the load is wrk;`,
      'every check is written to SQLite with a flush to the disk, many together.',
      '',
      ...lines,
      '',
    ].join('\n');
    if (wishes.devices === defaultDevices) writeFileSync(path.join(root, 'test/bench/ROLLOUT-RESULTS.md'), page);
    (wishes.json ? process.stderr : process.stdout).write(`${lines.join('\n')}\n`);
    if (wishes.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const defaultDevices = 100_000;

async function measure(folder: string, { devices, seconds }: Wishes): Promise<RolloutBench> {
  say('decisions');
  const decide = measureDecide(devices, rounds);
  say(`enrolling ${devices} devices`);
  const fleet = await fleetOnDisk(folder, devices);
  say('check-ins');
  const checkIns = await measureCheckIns(fleet, devices, seconds, rounds);
  say(`${rollouts} rollouts of ${devices} devices in the database`);
  const database = await measureDatabaseSize(fleet.state, devices, rollouts);
  say(`simulating ${devices} devices`);
  const simulated = await measuredRun(process.execPath, [
    ...[path.join(root, 'dist/slipway-distributor.mjs'), 'simulate', fleet.rollouts],
    ...['--devices', String(devices), '--seed', '1', '--failure-rate', '0.005', '--offline', '0.1', '--json'],
  ]);
  const simulation = { devices, seconds: simulated.seconds, peakRssBytes: simulated.peakRssBytes };
  return { decide, checkIns, database, simulation };
}

function linesOf({ decide, checkIns, database, simulation }: RolloutBench): string[] {
  const { server, bare, half, ratio, devices } = checkIns;
  const rows = [
    ['what', 'measured', 'target'],
    ['---', '---:', '---:'],
    [
      `decisions a second on one core, 3 rollouts, ${count(decide.devices)} devices`,
      count(decide.medianPerSecond),
      '200,000',
    ],
    [`check-ins a second, ${count(devices)} devices known`, count(server.perSecond), '3,000'],
    ['the same load on a bare route of the same framework', count(bare.perSecond), ''],
    ['ratio of the two', ratio.toFixed(2), '0.25'],
    [
      `p50 and p99 at ${count(half.perSecond)} check-ins a second`,
      `${half.p50.toFixed(1)} ms, ${half.p99.toFixed(1)} ms`,
      '',
    ],
    ['requests that failed', String(server.failed + half.failed + bare.failed), '0'],
    [
      `database of ${count(database.devices)} devices after ${database.rollouts} rollouts`,
      `${Math.round(database.bytes / 1e6)} MB (${count(database.bytesPerDevice)} bytes a device)`,
      '500 MB',
    ],
    [
      `${count(simulation.devices)} simulated devices, three waves`,
      `${simulation.seconds.toFixed(1)} s, ${Math.round(simulation.peakRssBytes / 2 ** 20)} MiB`,
      '60 s, 1 GB',
    ],
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
