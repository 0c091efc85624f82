/**
 * `npm run bench -- fleet [--devices N] [--seconds S] [--json]`: what a server of a large fleet on SQLite costs (start,
 * drawing a wave, showing, listing, checks at half load), and checks over PostgreSQL beside SQLite in one run.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openSqliteFleetState } from '../../../distributor/adapters/database/sqlite/fleet-state.ts';
import { mintToken } from '../../../distributor/fleet/access/token.ts';
import { PostgresServer, postgresPrograms } from '../../services/postgres-server.ts';
import { measuredRun } from '../measured-run.ts';
import { type FleetOnDisk, fleetOnDisk } from '../rollout/fleet-on-disk.ts';
import { best, CheckLoad } from '../server/check-ins.ts';
import { distributor, Listening } from '../server/listening.ts';
import type { LoadResult } from '../server/load.ts';
import { fillPostgres, fillSqlite, tokenLines } from './known-fleet.ts';

export interface FleetWishes {
  readonly devices: number;
  readonly seconds: number;
  readonly json: boolean;
}

export const defaultFleetDevices = 1_000_000;
/** So many of them check. */
const askingDevices = 20_000;
const rounds = 2;

export async function benchFleet(wishes: FleetWishes): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-fleet-'));
  try {
    const fleet = await emptyFleet(folder);
    const databases = await compareDatabases(folder, fleet, wishes.seconds);
    const large = await measureLarge(folder, fleet, wishes);
    const result = { load: loadavg()[0], databases, large };
    const lines = [...databaseLines(databases), ...largeLines(large)].join('\n');
    (wishes.json ? process.stderr : process.stdout).write(`${lines}\n`);
    if (wishes.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A store, a plan, and the tokens of the devices that check. */
async function emptyFleet(folder: string): Promise<FleetOnDisk> {
  mkdirSync(path.join(folder, 'fleet'));
  const fleet = await fleetOnDisk(path.join(folder, 'fleet'), 0);
  writeFileSync(fleet.tokens, tokenLines(askingDevices).join('\n'));
  return fleet;
}

function serving({ store, rollouts, tokens }: FleetOnDisk, ...state: readonly string[]): Promise<Listening> {
  const words = [
    ...[distributor, 'serve', '--store', store, '--rollouts', rollouts, ...state, '--listen', '127.0.0.1:0', '--json'],
    ...['--check-limit', '100000'],
  ];
  return Listening.start(words, path.join(path.dirname(tokens), 'distributor.log'));
}

interface DatabaseRates {
  readonly sqlite: LoadResult;
  /** Undefined where the machine has no PostgreSQL. */
  readonly postgres: LoadResult | undefined;
  readonly sqliteHalf: LoadResult;
  readonly postgresHalf: LoadResult | undefined;
}

async function compareDatabases(folder: string, fleet: FleetOnDisk, seconds: number): Promise<DatabaseRates> {
  const state = path.join(folder, 'small');
  await fillSqlite(state, askingDevices, Date.now());
  await using sqlite = await serving(fleet, '--state', state);
  const checks = new CheckLoad(fleet);
  const programs = postgresPrograms();
  if (programs === undefined) {
    const top = best([await checks.run(sqlite.url, seconds)]);
    const sqliteHalf = await checks.run(sqlite.url, seconds, top.perSecond / 2);
    return { sqlite: top, postgres: undefined, sqliteHalf, postgresHalf: undefined };
  }
  const server = await PostgresServer.start({ programs }, ['fsync=on']);
  try {
    const url = await server.freshDatabase();
    await fillPostgres(url, askingDevices, Date.now());
    await using postgres = await serving(fleet, '--database', url);
    const found: { sqlite: LoadResult[]; postgres: LoadResult[] } = { sqlite: [], postgres: [] };
    for (const one of [sqlite, postgres]) await checks.run(one.url, 2);
    for (let round = 0; round < rounds; round++) {
      found.sqlite.push(await checks.run(sqlite.url, seconds));
      found.postgres.push(await checks.run(postgres.url, seconds));
    }
    const [top, other] = [best(found.sqlite), best(found.postgres)];
    const sqliteHalf = await checks.run(sqlite.url, seconds, top.perSecond / 2);
    const postgresHalf = await checks.run(postgres.url, seconds, other.perSecond / 2);
    return { sqlite: top, postgres: other, sqliteHalf, postgresHalf };
  } finally {
    await server.remove();
  }
}

interface LargeFleet {
  readonly devices: number;
  readonly secondsUntilListening: number;
  readonly secondsUntilDrawn: number;
  /** The first one, and one that may be answered from what is kept. */
  readonly secondsToShow: readonly [number, number];
  readonly half: LoadResult;
  readonly listing: { readonly seconds: number; readonly peakRssBytes: number };
}

async function measureLarge(
  folder: string,
  fleet: FleetOnDisk,
  { devices, seconds }: FleetWishes,
): Promise<LargeFleet> {
  const state = path.join(folder, 'large');
  await fillSqlite(state, devices, Date.now());
  const reader = await readerToken(state);
  const begin = performance.now();
  const since = () => (performance.now() - begin) / 1000;
  await using server = await serving(fleet, '--state', state);
  const secondsUntilListening = since();
  const show = async () => {
    const asked = performance.now();
    const headers = { authorization: `Bearer ${reader}` };
    const answer = await fetch(`${server.url}/v1/rollouts/shop-2`, { headers });
    const { rollouts } = (await answer.json()) as { rollouts: { waves: { state: string }[] }[] };
    return { isDrawn: rollouts[0]?.waves[0]?.state === 'open', took: (performance.now() - asked) / 1000 };
  };
  while (!(await isDrawn(server.url, reader))) await pause(50);
  const secondsUntilDrawn = since();
  const secondsToShow = [(await show()).took, (await show()).took] as const;
  const checks = new CheckLoad(fleet);
  const top = await checks.run(server.url, seconds);
  const half = await checks.run(server.url, seconds, top.perSecond / 2);
  const listing = await measuredRun(process.execPath, [distributor, 'device', 'ls', '--state', state]);
  return { devices, secondsUntilListening, secondsUntilDrawn, secondsToShow, half, listing };
}

/** Asks what costs nothing, so that asking is not what is measured. */
async function isDrawn(url: string, reader: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/events?limit=100`, { headers: { authorization: `Bearer ${reader}` } });
  return answer.ok && (await answer.text()).includes('wave-opened');
}

async function readerToken(state: string): Promise<string> {
  const fleet = await openSqliteFleetState(state);
  const scopes = ['rollouts:read', 'events:read'] as const;
  const { token, record } = mintToken({ purpose: 'operator', scopes, now: Date.now(), randomBytes });
  await fleet.saveToken(record);
  await fleet.close();
  return token;
}

function databaseLines({ sqlite, postgres, sqliteHalf, postgresHalf }: DatabaseRates): string[] {
  const line = (name: string, top: LoadResult, half: LoadResult) =>
    `${name}: ${Math.round(top.perSecond)} checks/s, at half of it p50 ${half.p50} ms, p99 ${half.p99} ms, ${top.failed + half.failed} failed`;
  if (!postgres || !postgresHalf) return [line('SQLite', sqlite, sqliteHalf), 'PostgreSQL is not installed'];
  const ratio = `PostgreSQL / SQLite: ${(postgres.perSecond / sqlite.perSecond).toFixed(2)} (target 0.60)`;
  return [line('SQLite', sqlite, sqliteHalf), line('PostgreSQL', postgres, postgresHalf), ratio];
}

function largeLines(large: LargeFleet): string[] {
  const { devices, half, listing, secondsToShow } = large;
  const target = 3 * half.p50 + 20;
  return [
    `${devices.toLocaleString('en-US')} devices on SQLite`,
    `listening after ${large.secondsUntilListening.toFixed(2)} s (target 1 s), the first wave drawn after ${large.secondsUntilDrawn.toFixed(2)} s`,
    `rollout show: ${secondsToShow[0].toFixed(2)} s, then ${secondsToShow[1].toFixed(2)} s`,
    `${Math.round(half.perSecond)} checks/s: p50 ${half.p50} ms, p99 ${half.p99} ms (target ${target} ms), ${half.failed} failed`,
    `device ls: ${listing.seconds.toFixed(1)} s, ${Math.round(listing.peakRssBytes / 2 ** 20)} MiB`,
  ];
}
