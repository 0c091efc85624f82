/**
 * Keeps one value in two files that are written in turn, each with its generation and digest. Whatever happens to the
 * one being written, the other still holds the value before it. What the value means is not known here.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { toSlipwayError } from '../../../contract/errors.ts';
import { exists, overwriteFile, readIfThere, replaceFileSync } from '../../../system/files/durable-file-sync.ts';

interface Generation {
  readonly number: number;
  readonly payload: Uint8Array;
}

export class TwinFile {
  readonly #files: readonly [string, string];

  /** @param stem path without the endings `.a` and `.b` */
  constructor(stem: string) {
    this.#files = [`${stem}.a`, `${stem}.b`];
  }

  /** The newest value first; empty where neither file is whole. `damaged` counts files that are there but not whole. */
  read(): { readonly values: readonly Uint8Array[]; readonly damaged: number } {
    const found = this.#generations();
    const whole = found.filter((entry) => entry !== 'absent' && entry !== 'damaged');
    return {
      values: whole.sort((a, b) => b.number - a.number).map((entry) => entry.payload),
      damaged: found.filter((entry) => entry === 'damaged').length,
    };
  }

  /** Durable when it returns. Overwrites the older file, or the damaged one. */
  write(payload: Uint8Array): void {
    const [a, b] = this.#generations();
    const numberOf = (entry: Generation | 'absent' | 'damaged') => (typeof entry === 'string' ? 0 : entry.number);
    const newest = Math.max(numberOf(a), numberOf(b));
    const target = this.#files[numberOf(a) > numberOf(b) ? 1 : 0];
    const header = `slipway-twin 1 ${newest + 1} ${digestOf(newest + 1, payload)}\n`;
    const bytes = Buffer.concat([Buffer.from(header), payload]);
    try {
      replaceFileSync(target, bytes);
    } catch (error) {
      // The other file is whole, so this one may be torn; its inode and its blocks are here already.
      if (toSlipwayError(error).code !== 'disk-full' || !exists(target)) throw error;
      overwriteFile(target, bytes);
    }
  }

  #generations(): [Generation | 'absent' | 'damaged', Generation | 'absent' | 'damaged'] {
    return [parse(readIfThere(this.#files[0])), parse(readIfThere(this.#files[1]))];
  }

  /** For messages. */
  get name(): string {
    return path.basename(this.#files[0], '.a');
  }
}

function parse(bytes: Uint8Array | undefined): Generation | 'absent' | 'damaged' {
  if (!bytes) return 'absent';
  const end = bytes.indexOf(0x0a);
  const header = /^slipway-twin 1 (\d{1,15}) ([0-9a-f]{64})$/.exec(
    Buffer.from(bytes.subarray(0, Math.max(end, 0))).toString('latin1'),
  );
  if (!header) return 'damaged';
  const number = Number(header[1]);
  const payload = bytes.subarray(end + 1);
  return digestOf(number, payload) === header[2] ? { number, payload } : 'damaged';
}

function digestOf(generation: number, payload: Uint8Array): string {
  return createHash('sha256').update(`${generation}\n`).update(payload).digest('hex');
}
