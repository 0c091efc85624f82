/** Tells whether programs may be started from where a file lies. */
import { readFileSync, realpathSync } from 'node:fs';
import { mountOf, parseMounts } from '../../update/mounts.ts';

/** False also where the machine does not say. @param file one that exists, or in a folder that exists */
export function isNoexec(file: string): boolean {
  try {
    const mount = mountOf(parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')), realpathSync(file));
    return mount?.options.includes('noexec') === true;
  } catch {
    return false;
  }
}
