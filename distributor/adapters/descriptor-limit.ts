/**
 * Reads how many files and connections this process may have open: the hard limit, to which Node raises itself at its
 * start.
 */
import { readFileSync } from 'node:fs';

/** @returns undefined where the system does not say, or there is no limit */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
