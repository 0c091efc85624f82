/** Work that is done again and again while something else goes on. */
import { setTimeout as pause } from 'node:timers/promises';

/** Runs `work` after each `seconds`, one at a time, until `signal` is aborted; what it throws ends everything. */
export async function every(seconds: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  while (true) {
    try {
      await pause(seconds * 1000, undefined, { signal });
    } catch {
      return;
    }
    await work();
  }
}
