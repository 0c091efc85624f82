/**
 * Lets the disk fail at an exact call that changes something below a folder: once with an error, from there on without room
 * or without writing, or by taking half of what it was given.
 */
import { type FileCall, FileCalls } from './file-calls.ts';

export type DiskFault = 'EIO' | 'ENOSPC' | 'full' | 'EROFS' | 'short write';
export const diskFaults: readonly DiskFault[] = ['EIO', 'ENOSPC', 'full', 'EROFS', 'short write'];
/** Takes no block and no inode, so that a full disk lets it through. */
const isFree = ({ name }: FileCall) =>
  ['renameSync', 'rmSync', 'rmdirSync', 'unlinkSync', 'fsyncSync', 'chmodSync', 'ftruncateSync'].includes(name);

export class FileFaults {
  /** Names of the calls so far. */
  readonly seen: string[] = [];
  readonly #at: number;
  readonly #fault: DiskFault;
  readonly #calls: FileCalls;

  /** @param at 1 for the first call, 0 for never */
  constructor(root: string, at: number, fault: DiskFault) {
    this.#at = at;
    this.#fault = fault;
    this.#calls = new FileCalls(root, (call) => (call.isChange ? this.#run(call) : call.run()));
  }

  get hasHappened(): boolean {
    return this.#at > 0 && this.seen.length >= this.#at;
  }

  /** What the service does is not the updater's. */
  aside<T>(work: () => T): T {
    return this.#calls.pass(work);
  }

  [Symbol.dispose](): void {
    this.#calls[Symbol.dispose]();
  }

  #run(call: FileCall): unknown {
    this.seen.push(call.name);
    const isHere = this.seen.length === this.#at;
    const isSince = this.hasHappened;
    switch (this.#fault) {
      case 'EIO':
      case 'ENOSPC':
        if (isHere) fail(this.#fault, call);
        break;
      case 'EROFS':
        if (isSince) fail('EROFS', call);
        break;
      case 'full':
        if (isSince && !isFree(call)) fail('ENOSPC', call);
        break;
      case 'short write':
        if (isSince && call.name === 'writeSync') return shortened(call);
        break;
      default:
        throw this.#fault satisfies never;
    }
    return call.run();
  }
}

function fail(code: string, { name }: FileCall): never {
  throw Object.assign(new Error(`${code}: made to fail, ${name}`), { code });
}

/** Half of the bytes, at least one. */
function shortened({ args, run }: FileCall): unknown {
  const [descriptor, bytes, offset = 0, length = (bytes as Uint8Array).length - (offset as number), at = null] = args;
  return run(descriptor, bytes, offset, Math.max(1, Math.floor((length as number) / 2)), at);
}
