/** Says why a service could not be started: its own fault, or the machine's, which says nothing about the release. */
import { type ErrorCode, SlipwayError } from '../../../contract/errors.ts';
import { diskCodeOf } from '../../../system/files/durable-file-sync.ts';
import { systemCode } from '../../../system/files/system-code.ts';
import { isNoexec } from '../disk/mount-table.ts';

const ofMachine: Partial<Record<string, ErrorCode>> = {
  ENOMEM: 'memory-exceeded',
  // No process, no descriptor to spare.
  EAGAIN: 'io-error',
  EMFILE: 'io-error',
  ENFILE: 'io-error',
  EIO: 'io-error',
};

/**
 * @param what was tried, for the message
 * @param file the program, where it is known
 */
export function startFailure(what: string, cause: unknown, file?: string): SlipwayError {
  if (cause instanceof SlipwayError) return cause;
  const message = `cannot ${what}: ${cause instanceof Error ? cause.message : String(cause)}`;
  const errno = systemCode(cause) ?? '';
  if ((errno === 'EACCES' || errno === 'EPERM') && file !== undefined && isNoexec(file)) {
    const hint = 'Mount the file system of stateDir without noexec, or move stateDir.';
    return new SlipwayError('not-executable', message, { cause, hint });
  }
  const disk = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EROFS' ? diskCodeOf(errno) : undefined;
  return new SlipwayError(disk ?? ofMachine[errno] ?? 'service-start-failed', message, { cause });
}
