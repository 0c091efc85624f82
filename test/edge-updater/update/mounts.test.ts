import { expect, it } from 'vitest';
import { mountOf, parseMounts } from '../../../edge-updater/update/mounts.ts';

/** Lines as proc_pid_mountinfo(5) shows them: with one, several and no optional fields. */
const table = parseMounts(
  [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
    '36 22 0:30 / /var rw,noexec shared:7 master:2 - ext4 /dev/sda2 rw',
    '37 36 0:31 / /var/lib/slip\\040way rw,relatime - ext4 /dev/sda3 ro',
    '38 22 0:32 / /srv ro - tmpfs tmpfs rw',
    '39 22 0:33 / /srv rw,noexec - tmpfs tmpfs rw',
    'no line of a mount table',
    '',
  ].join('\n'),
);
const optionsOf = (path: string) => mountOf(table, path)?.options;

it.each([
  ['a path below the only mount that fits', '/usr/bin', false],
  ['the mount point itself', '/var', true],
  ['a path below it', '/var/lib/other', true],
  ['a path that only begins alike', '/variant', false],
  ['a deeper mount with a space in its name', '/var/lib/slip way/slots', false],
  ['a point that was mounted over', '/srv/x', true],
])('knows of %s whether programs are started from it', (_, path, isNoexec) => {
  expect(optionsOf(path)?.includes('noexec')).toBe(isNoexec);
});

it('has the options of the file system as well', () => {
  expect(optionsOf('/var/lib/slip way/slots')).toContain('ro');
});

it('passes over what is no line, and finds nothing in nothing', () => {
  expect(table).toHaveLength(5);
  expect(mountOf([], '/usr')).toBeUndefined();
});
