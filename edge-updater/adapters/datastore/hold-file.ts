/**
 * Keeps the hold: a file that the unit of an adopted box has as a condition. While it is there, systemd does not start
 * the unit, whether it was asked to, the unit restarts by itself or the machine boots.
 */
import path from 'node:path';
import { exists, remove, replaceFileSync } from '../../../system/files/durable-file-sync.ts';

export function holdFileOf(stateDirectory: string): string {
  return path.join(stateDirectory, 'hold');
}

export class HoldFile {
  readonly #file: string;

  constructor(stateDirectory: string) {
    this.#file = holdFileOf(stateDirectory);
  }

  get isThere(): boolean {
    return exists(this.#file);
  }

  /** Durable when it returns. @param why for people who find it */
  set(why: string): void {
    replaceFileSync(this.#file, Buffer.from(`${why}\n`), 0o644);
  }

  lift(): void {
    remove(this.#file);
  }
}
