/** Checks that what is written to an open SQLite file is kept: the file still has its name, and its disk has room. */
import { statSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { SlipwayError } from '../../../../contract/errors.ts';

/** A journal that grows, and what others write beside it, fit into it for a while. */
const minFreeBytes = 4 * 1024 * 1024;

export class SqlitePlace {
  readonly #file: string;
  readonly #identity: string;

  /** @param file one that is open */
  constructor(file: string) {
    this.#file = file;
    this.#identity = identityOf(statSync(file));
  }

  /** @throws SlipwayError `database-unavailable`, `disk-full` */
  async check(): Promise<void> {
    // SQLite goes on with a file that has no name any more, and all of it is gone when the server ends.
    const found = await stat(this.#file).catch(() => undefined);
    if (found === undefined || identityOf(found) !== this.#identity) {
      throw new SlipwayError(
        'database-unavailable',
        `${this.#file} was ${found ? 'replaced' : 'removed'} while it was open`,
        {
          hint: 'Restore the folder and start the server again; until then nothing that it stores will last.',
        },
      );
    }
    const { bavail, bsize } = await statfs(this.#file);
    if (bavail * bsize >= minFreeBytes) return;
    throw new SlipwayError('disk-full', `the disk of ${this.#file} has ${bavail * bsize} bytes left`, {
      hint: `Free space: ${minFreeBytes} bytes are needed at least.`,
    });
  }
}

function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}
