/** Reads the log of the shim, and makes of each call the changes to the disk that it was. */
import type { DiskChange } from '../disk-change.ts';
import { inHalves } from '../disk-log.ts';

/** One call. */
export interface ShimCall {
  /** From 1 on. */
  readonly number: number;
  readonly pid: number;
  readonly call: string;
  readonly file: string;
  /** Where it comes from, or where a link leads. */
  readonly second: string;
  /** One of these; a number of an error in the last three. */
  readonly result?: number;
  readonly error?: number;
  readonly failed?: number;
  readonly killed?: number;
  /** After the call. */
  readonly mode?: number;
  readonly size?: number;
  readonly wasThere: boolean;
  /** What was written. */
  readonly at?: number;
  readonly hex?: string;
}

/** What the program itself says between its calls. */
export interface ShimMark {
  readonly mark: unknown;
}
export type ShimLine = ShimCall | ShimMark;

/** The last line may be cut off by a kill. */
export function shimLines(text: string): ShimLine[] {
  const lines = text.split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as ShimLine);
}

export class ShimChanges {
  #lastHandle = 0;

  /** None for a call that failed, and for one that changes owners or times. */
  of({ call, file, second, result, mode = 0, size = 0, wasThere, at = 0, hex = '' }: ShimCall): DiskChange[] {
    if (result === undefined) return [];
    const handle = ++this.#lastHandle;
    const open: DiskChange = { kind: 'open', file, handle };
    switch (call) {
      case 'open':
      case 'open to cut':
        if (!wasThere) return [{ kind: 'make', file, what: 'file', mode }];
        return call === 'open' ? [] : [open, { kind: 'cut', handle, length: 0 }];
      case 'write':
        return [open, ...inHalves(handle, at, Buffer.from(hex, 'hex'))];
      case 'truncate':
      case 'fallocate':
        return [open, { kind: 'cut', handle, length: size }];
      case 'chmod':
        return [open, { kind: 'mode', handle, mode }];
      case 'fsync':
        return [open, { kind: 'flush', handle }];
      case 'mkdir':
        return [{ kind: 'make', file, what: 'folder', mode }];
      case 'unlink':
      case 'rmdir':
        return [{ kind: 'drop', file }];
      case 'rename':
        return [{ kind: 'move', from: second, file }];
      case 'link':
        return [{ kind: 'name', from: second, file }];
      case 'symlink':
        return [{ kind: 'link', file, target: second }];
      case 'chown':
      case 'utimes':
        return [];
      default:
        throw new Error(`nobody knows what ${call} makes of ${file}`);
    }
  }
}
