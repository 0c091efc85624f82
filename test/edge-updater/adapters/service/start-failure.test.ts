/** Whose fault it is that a service did not start, by the error that the system gave. */
import { expect, it } from 'vitest';
import { startFailure } from '../../../../edge-updater/adapters/service/start-failure.ts';

const failed = (errno: string) => Object.assign(new Error(`spawn ${errno}`), { code: errno });

it.each([
  ['EACCES', 'service-start-failed'],
  ['ENOENT', 'service-start-failed'],
  ['ENOEXEC', 'service-start-failed'],
  ['ENOMEM', 'memory-exceeded'],
  ['EAGAIN', 'io-error'],
  ['EMFILE', 'io-error'],
  ['ENFILE', 'io-error'],
  ['ENOSPC', 'disk-full'],
  ['EROFS', 'disk-read-only'],
])('takes %s for %s', (errno, code) => {
  expect(startFailure('start x', failed(errno), process.execPath)).toMatchObject({ code });
});
