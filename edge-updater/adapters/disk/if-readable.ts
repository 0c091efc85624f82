/** Looks at what may not be there or may not be read, where both mean the same: that nothing is known. */
import { readFileSync } from 'node:fs';

export function ifReadable<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

export function textIfReadable(file: string): string | undefined {
  return ifReadable(() => readFileSync(file, 'utf8'));
}
