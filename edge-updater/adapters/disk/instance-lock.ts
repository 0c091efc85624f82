/**
 * Lets one updater at a time work on a state directory, by an exclusive lock of SQLite. The kernel drops the lock when
 * the process ends in whatever way. Nothing is ever written to the locked file, so that neither a full disk nor what
 * the file holds keeps anybody out. A file beside it names the holder, for messages only.
 */
import { chmodSync, closeSync, openSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SlipwayError } from '../../../contract/errors.ts';
import {
  exists,
  makeDirectory,
  onDisk,
  readIfThere,
  remove,
  replaceFileSync,
} from '../../../system/files/durable-file-sync.ts';
import { identify, isAlive, type ProcessIdentity } from '../service/process-table.ts';

interface Holder extends ProcessIdentity {
  /** `run`, `check-now`, `install`, `rollback` */
  readonly command: string;
}

export class InstanceLock {
  readonly #database: DatabaseSync;
  readonly #holderFile: string;

  /** @throws SlipwayError `already-running` */
  constructor(stateDirectory: string, command: string) {
    makeDirectory(stateDirectory);
    const file = path.join(stateDirectory, 'lock');
    this.#holderFile = path.join(stateDirectory, 'lock.holder.json');
    if (!exists(file)) onDisk('create the lock', () => closeSync(openSync(file, 'a', 0o600)));
    this.#database = lockFile(file, stateDirectory);
    try {
      onDisk('protect the lock', () => chmodSync(file, 0o600));
    } catch (error) {
      this.#database.close();
      throw error;
    }
    const identity = identify(process.pid);
    // Only messages need it: a full disk stops nobody.
    if (identity)
      passOver(() => replaceFileSync(this.#holderFile, Buffer.from(JSON.stringify({ ...identity, command }))));
  }

  release(): void {
    passOver(() => remove(this.#holderFile));
    this.#database.close();
  }
}

/** @throws SlipwayError `already-running`, codes of the disk */
function lockFile(file: string, stateDirectory: string): DatabaseSync {
  try {
    return beginExclusive(file);
  } catch (cause) {
    const result = resultOf(cause);
    if (result === sqlite.busy) throw alreadyRunning(stateDirectory, cause);
    if (result !== sqlite.notADatabase && result !== sqlite.corrupt) throw lockFailure(file, cause);
  }
  // Its content was read, so nobody holds it; what somebody wrote there is of no use to anybody.
  onDisk('empty the lock', () => truncateSync(file, 0));
  try {
    return beginExclusive(file);
  } catch (cause) {
    throw resultOf(cause) === sqlite.busy ? alreadyRunning(stateDirectory, cause) : lockFailure(file, cause);
  }
}

function beginExclusive(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // A journal on the disk would need an inode and a block.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function alreadyRunning(stateDirectory: string, cause: unknown): SlipwayError {
  const holder = readHolder(stateDirectory);
  const who = holder ? `${holder.command} (pid ${holder.pid})` : 'another process';
  return new SlipwayError('already-running', `${who} holds ${stateDirectory}`, {
    cause,
    hint: 'The daemon checks by itself; stop it to do this by hand: systemctl stop slipway-edge.',
  });
}

function passOver(work: () => void): void {
  try {
    work();
  } catch {
    // See the caller.
  }
}

/** Result codes of SQLite (sqlite.org/rescode.html). */
const sqlite = { busy: 5, readOnly: 8, corrupt: 11, full: 13, notADatabase: 26 } as const;

function resultOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : Number.NaN;
  return Number.isNaN(code) ? undefined : code & 0xff;
}

function lockFailure(file: string, cause: unknown): SlipwayError {
  const result = resultOf(cause);
  const code = result === sqlite.readOnly ? 'disk-read-only' : result === sqlite.full ? 'disk-full' : 'io-error';
  const message = `cannot lock ${file}: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new SlipwayError(code, message, { cause });
}

/** Who holds the lock; undefined where nobody alive does. */
export function readHolder(stateDirectory: string): Holder | undefined {
  try {
    const bytes = readIfThere(path.join(stateDirectory, 'lock.holder.json'));
    const holder = bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as Holder);
    return holder && isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}
