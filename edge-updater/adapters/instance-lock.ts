/**
 * One updater at a time for a state directory: an exclusive lock of SQLite, which the kernel drops when the process
 * ends in whatever way. A file beside it names the holder, for messages only.
 */
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SlipwayError } from '../../contract/errors.ts';
import { makeDirectory, onDisk, readIfThere, remove, replaceFile } from './durable-file.ts';
import { identify, isAlive, type ProcessIdentity } from './process-table.ts';

export interface Holder extends ProcessIdentity {
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
    this.#database = onDisk('open the lock', () => new DatabaseSync(file, { timeout: 0 }));
    try {
      this.#database.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      this.#database.close();
      if (!isBusy(cause)) throw lockFailure(file, cause);
      const holder = readHolder(stateDirectory);
      const who = holder ? `${holder.command} (pid ${holder.pid})` : 'another process';
      throw new SlipwayError('already-running', `${who} holds ${stateDirectory}`, {
        cause,
        hint: 'The daemon checks by itself; stop it to do this by hand: systemctl stop slipway-edge.',
      });
    }
    try {
      onDisk('protect the lock', () => chmodSync(file, 0o600));
    } catch (error) {
      this.#database.close();
      throw error;
    }
    const identity = identify(process.pid);
    // Only messages need it: a full disk stops nobody.
    if (identity) passOver(() => replaceFile(this.#holderFile, Buffer.from(JSON.stringify({ ...identity, command }))));
  }

  release(): void {
    passOver(() => remove(this.#holderFile));
    this.#database.close();
  }
}

function passOver(work: () => void): void {
  try {
    work();
  } catch {
    // See the caller.
  }
}

/** Result codes of SQLite (sqlite.org/rescode.html): 5 BUSY, 8 READONLY. */
function resultOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : Number.NaN;
  return Number.isNaN(code) ? undefined : code & 0xff;
}

function isBusy(error: unknown): boolean {
  return resultOf(error) === 5;
}

function lockFailure(file: string, cause: unknown): SlipwayError {
  const isReadOnly = resultOf(cause) === 8;
  const message = `cannot lock ${file}: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new SlipwayError(isReadOnly ? 'disk-read-only' : 'io-error', message, { cause });
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
