/**
 * The datastore of the k3s of the tests: kine's schema, and what a start does to it. Each is a trap for an updater.
 * A start runs a full VACUUM, as kine does since 0.14.15. A release stores its objects in a version of its own, and an older
 * release cannot read a newer version. At a start K3s compares `server/cred` and `server/tls` with what the datastore
 * has of them, and ends where a file differs and is newer (pkg/cluster/bootstrap.go, `isNewerFile`).
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** `isNewerFile` allows for clocks that differ by three seconds (`systemTimeSkew`). */
const skewMs = 3000;

export function openKine(file: string): DatabaseSync {
  const opened = new DatabaseSync(file);
  opened.exec('pragma journal_mode=wal; pragma synchronous=normal');
  opened.exec(`create table if not exists kine (
    id integer primary key autoincrement, name integer, created integer, deleted integer, create_revision integer,
    prev_revision integer, lease integer, value blob, old_value blob)`);
  opened.exec('create index if not exists kine_name_index on kine (name)');
  opened.exec('vacuum');
  return opened;
}

/** @throws Error where a newer release has stored what this one cannot read */
export function migrate(database: DatabaseSync, version: number): void {
  const stored = storedVersion(database);
  if (stored > version) throw new Error(`no kind is registered for the stored version ${stored}, this is ${version}`);
  if (stored < version) put(database, '/registry/storage-version', String(version));
}

function storedVersion(database: DatabaseSync): number {
  return Number(newestOf(database, '/registry/storage-version') ?? 0);
}

/** @throws Error as K3s ends, where files and datastore do not belong together */
export function reconcileBootstrap(database: DatabaseSync, files: readonly string[], now: number): void {
  for (const file of files) {
    const key = `/bootstrap${file}`;
    const stored = newestOf(database, key);
    if (stored === undefined) {
      put(database, key, JSON.stringify({ at: now, content: readFileSync(file, 'utf8') }));
      continue;
    }
    const { at, content } = JSON.parse(stored) as { at: number; content: string };
    if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
    if (existsSync(file) && statSync(file).mtimeMs > at + skewMs) {
      throw new Error(`${file} newer than datastore and could cause a cluster outage`);
    }
    writeFileSync(file, content);
  }
}

export function put(database: DatabaseSync, name: string, value: string): void {
  database.prepare('insert into kine (name, created, value) values (?, 1, ?)').run(name, value);
}

function newestOf(database: DatabaseSync, name: string): string | undefined {
  const row = database.prepare('select value from kine where name = ? order by id desc limit 1').get(name);
  return row && String((row as { value: string }).value);
}
