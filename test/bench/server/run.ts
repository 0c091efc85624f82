/**
 * `npm run bench -- server [--devices N] [--seconds S] [--json]`: the server under load: blobs beside nginx, check-ins,
 * and crowds of slow readers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fleetOnDisk } from '../rollout/fleet-on-disk.ts';
import { measureBlobs } from './blobs.ts';
import { measureCheckIns } from './check-ins.ts';
import { pageOf, type ServerBench } from './results-page.ts';
import { measureCrowd } from './slow-readers.ts';
import { storeOnDisk } from './store-on-disk.ts';

export interface Wishes {
  readonly devices: number;
  readonly seconds: number;
  readonly json: boolean;
}

export const defaultDevices = 10_000;
const rounds = 3;
const crowds = [500, 1000];
const results = path.join(import.meta.dirname, '../SERVER-RESULTS.md');

export async function benchServer(wishes: Wishes): Promise<void> {
  const circumstances = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: loadavg()[0] ?? 0,
  };
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-'));
  try {
    const measured = await measure(folder, wishes);
    const page = pageOf(measured, circumstances);
    if (wishes.devices === defaultDevices) writeFileSync(results, page);
    (wishes.json ? process.stderr : process.stdout).write(page);
    if (wishes.json) process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, { devices, seconds }: Wishes): Promise<ServerBench> {
  const store = storeOnDisk(path.join(folder, 'blobs'));
  say('blobs, beside nginx');
  const blobs = await measureBlobs(store, seconds, rounds);
  const readers = [];
  for (const count of crowds) {
    say(`${count} slow readers`);
    readers.push(await measureCrowd(store, count));
  }
  say(`check-ins of ${devices} devices`);
  const fleet = await fleetOnDisk(path.join(folder, 'fleet'), devices);
  const checkIns = await measureCheckIns(fleet, devices, seconds, rounds);
  return { blobs, readers, checkIns };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
