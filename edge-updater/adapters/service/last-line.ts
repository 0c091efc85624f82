/** Reads the last line of a log that another process may be writing. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 8 * 1024;

/** Undefined where there is none, or the file cannot be read. A line longer than the tail is cut at its beginning. */
export function lastLineOf(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const tail = Buffer.alloc(tailBytes);
    const from = Math.max(0, fstatSync(descriptor).size - tailBytes);
    const read = readSync(descriptor, tail, 0, tailBytes, from);
    return lastLineIn(tail.toString('utf8', 0, read));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

export function lastLineIn(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '');
}
