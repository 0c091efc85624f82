/** Watches the memory of the process that applies a delta, with the commands that it runs: a bound, and the peak. */
import { readFileSync } from 'node:fs';
import { SlipwayError } from '../../../contract/errors.ts';

/** Chunks are 64 KiB and more: memory is looked at every few MiB. */
const chunksPerLook = 32;

export class MemoryWatch {
  readonly #maxBytes: number;
  readonly #commandBytes: () => number;
  #chunks = 0;
  #peakWithCommands = 0;

  /** @param commandBytes what the commands have resident now */
  constructor(maxBytes: number, commandBytes: () => number) {
    this.#maxBytes = maxBytes;
    this.#commandBytes = commandBytes;
  }

  /** To be called for every chunk. @throws SlipwayError `memory-exceeded` */
  look(): void {
    if (this.#chunks++ % chunksPerLook !== 0) return;
    const found = process.memoryUsage.rss() + this.#commandBytes();
    this.#peakWithCommands = Math.max(this.#peakWithCommands, found);
    if (found <= this.#maxBytes) return;
    const message = `applying the delta took ${found} bytes, allowed are ${this.#maxBytes}`;
    throw new SlipwayError('memory-exceeded', message, {
      hint: 'Raise delta.maxMemoryMiB, or forbid re-encoding with delta.allowReencode: false.',
    });
  }

  peakBytes(): number {
    return Math.max(this.#peakWithCommands, ownPeakBytes());
  }
}

/** VmHWM: what getrusage tells begins with the parent's peak. */
function ownPeakBytes(): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return found === null ? process.resourceUsage().maxRSS * 1024 : Number(found[1]) * 1024;
}
