/** Turns what a file system answers to a store in a folder into codes. */
import { SlipwayError } from '../../contract/errors.ts';
import { diskError } from '../files/durable-file.ts';
import { systemCode } from '../files/system-code.ts';

const refusals: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'EROFS'];

export function isNoSuchFile(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** @param key what was asked for, named in the message; the folder never is */
export function directoryError(error: unknown, key: string): SlipwayError {
  const cause = error instanceof SlipwayError ? error.cause : error;
  const code = systemCode(cause);
  if (!refusals.includes(code) && !isLockRefused(cause)) return diskError(error, key);
  return new SlipwayError('store-forbidden', `the store does not let this user reach ${key}: ${code}`, {
    hint: 'Check who owns the folder of the store and how it is mounted.',
    cause,
  });
}

/** SQLITE_READONLY and SQLITE_CANTOPEN: the lock file cannot be made or opened. */
function isLockRefused(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return code === 8 || code === 14;
}
