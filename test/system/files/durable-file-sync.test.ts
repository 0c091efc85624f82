import { expect, it } from 'vitest';
import { onDisk } from '../../../system/files/durable-file-sync.ts';

it.each([
  ['EROFS', 'disk-read-only'],
  ['EACCES', 'permission-denied'],
  ['EPERM', 'permission-denied'],
  ['ENOSPC', 'disk-full'],
  ['EDQUOT', 'disk-full'],
  ['ENOMEM', 'memory-exceeded'],
  ['EIO', 'io-error'],
  ['ENOENT', 'io-error'],
])('says of %s that it is %s, of the device and with what to do', (errno, code) => {
  const work = () => {
    throw Object.assign(new Error(errno), { code: errno });
  };
  expect(() => onDisk('write x', work)).toThrow(
    expect.objectContaining({ code, fault: 'device', hint: expect.any(String), message: `cannot write x: ${errno}` }),
  );
});
