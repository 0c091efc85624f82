/** What one run of a box does to its data: to its datastore and to the token and the settings that belong to it. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';

export interface BoxRun {
  readonly slot: Digest;
  /** That it stores in. */
  readonly version: number;
  readonly payload: string;
  readonly dataDir: string;
  readonly configFile: string;
}

/** @param flushes what a commit waits for; K3s has the default of SQLite, which is `full` */
export function openBoxDatabase(dataDir: string, flushes: 'off' | 'full'): DatabaseSync {
  mkdirSync(path.join(dataDir, 'server/db'), { recursive: true });
  const database = new DatabaseSync(path.join(dataDir, 'server/db/state.db'));
  database.exec(`pragma journal_mode=wal; pragma synchronous=${flushes}`);
  database.exec('create table if not exists kine (id integer primary key, writer text, version integer, token text)');
  return database;
}

/**
 * A release that stores in a newer version makes a new token, which its datastore knows; K3s ends where the two differ.
 * @param put writes one of its files
 */
export function writeAsRelease(
  database: DatabaseSync,
  { slot, version, payload, dataDir, configFile }: BoxRun,
  put: (file: string, text: string) => void,
): void {
  const tokenFile = path.join(dataDir, 'server/token');
  const query = 'select version as stored, token from kine order by id desc limit 1';
  const last = database.prepare(query).get() as { stored: number; token: string } | undefined;
  if (last && last.stored > version) throw new SlipwayError('service-start-failed', `stored in ${last.stored}`);
  if (last && last.token !== readFileSync(tokenFile, 'utf8')) {
    throw new SlipwayError('service-start-failed', 'the token is another');
  }
  const token = last?.stored === version ? last.token : slot;
  database.prepare('insert into kine (writer, version, token) values (?, ?, ?)').run(slot, version, token);
  put(tokenFile, token);
  // For what the older one does not know, somebody changes its settings.
  if (version > 1) {
    put(configFile, `for ${slot}`);
    put(`${configFile}.d/b.yaml`, 'b');
  }
  unpackAsK3s(payload, dataDir);
}

/** Its links are moved when a release is unpacked for the first time, and never back; nothing is flushed. */
export function unpackAsK3s(payload: string, dataDir: string): void {
  const unpacked = path.join(dataDir, 'data', payload);
  if (existsSync(unpacked)) return;
  mkdirSync(path.join(unpacked, 'bin'), { recursive: true });
  writeFileSync(path.join(unpacked, 'bin/k3s'), payload);
  mkdirSync(path.join(dataDir, 'data/cni'), { recursive: true });
  for (const [link, target] of [
    ['data/current', unpacked],
    ['data/cni/bridge', path.join(unpacked, 'bin/cni')],
  ] as const) {
    rmSync(path.join(dataDir, link), { force: true });
    symlinkSync(target, path.join(dataDir, link));
  }
}
