/** The lock of a state directory, on disks that have no room and with a file that holds what no updater wrote. */
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstanceLock, readHolder } from '../../../../edge-updater/adapters/disk/instance-lock.ts';
import { describeUnless } from '../../../services/requirement.ts';
import { missingMounts, runOnTmpfs } from '../../../services/tmpfs.ts';

const root = path.join(import.meta.dirname, '../../../..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'instance-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the lock', () => {
  it('keeps a second updater out, names the first, and lets the next one in', () => {
    const lock = new InstanceLock(folder, 'run');
    expect(readHolder(folder)).toMatchObject({ command: 'run', pid: process.pid });
    expect(() => new InstanceLock(folder, 'install')).toThrow(
      expect.objectContaining({
        code: 'already-running',
        message: expect.stringContaining(`run (pid ${process.pid})`),
      }),
    );
    lock.release();
    new InstanceLock(folder, 'install').release();
  });

  it.each([
    ['text', Buffer.from('garbage '.repeat(1000))],
    ['a page of zeros', Buffer.alloc(4096)],
    ['the head of a database and nothing behind it', Buffer.from('SQLite format 3\0')],
    ['a database whose pages are noise', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8176, 0xa5)])],
  ])('is taken though its file holds %s, and still keeps others out', (_, content) => {
    writeFileSync(path.join(folder, 'lock'), content);
    const lock = new InstanceLock(folder, 'run');
    expect(() => new InstanceLock(folder, 'run')).toThrow(expect.objectContaining({ code: 'already-running' }));
    lock.release();
  });

  it('is for its owner alone, whatever the file was before', () => {
    writeFileSync(path.join(folder, 'lock'), '');
    chmodSync(path.join(folder, 'lock'), 0o666);
    new InstanceLock(folder, 'run').release();
    expect(statSync(path.join(folder, 'lock')).mode & 0o777).toBe(0o600);
  });
});

const script = (spoil: string) => `
  import { spawnSync } from 'node:child_process';
  import { writeFileSync } from 'node:fs';
  import { InstanceLock } from '${root}/edge-updater/adapters/disk/instance-lock.ts';
  const folder = process.env.DEVICES + '/state';
  const lock = () => { try { return new InstanceLock(folder, 'run'); } catch (error) { return { code: error.code }; } };
  lock().release?.();
  let files = 0;
  const fill = () => {
    for (let size = 65536; size >= 1; files++) {
      try { writeFileSync(process.env.DEVICES + '/f' + files, Buffer.alloc(size)); } catch { size = Math.floor(size / 2); }
    }
  };
  const fillInodes = () => {
    for (;; files++) try { writeFileSync(process.env.DEVICES + '/f' + files, ''); } catch { return; }
  };
  ${spoil};
  const first = lock();
  console.log(JSON.stringify([first.code ?? 'held', lock().code]));
  process.exit(0);
`;

describeUnless(missingMounts, 'the lock on a disk', () => {
  it.each([
    ['without a free byte', 'fill()'],
    ['without a free inode', 'fillInodes()'],
    ['without either', 'fillInodes(); fill()'],
  ])('%s is taken, and keeps others out', (_, spoil) => {
    expect(runOnTmpfs('size=1m,nr_inodes=60', script(spoil))).toEqual(['held', 'already-running']);
  });

  it('that is read-only is told as such, not as another updater', () => {
    const remount = "spawnSync('mount', ['-o', 'remount,ro', process.env.DEVICES])";
    expect(runOnTmpfs('size=1m', script(remount))).toEqual(['disk-read-only', 'disk-read-only']);
  });
});
