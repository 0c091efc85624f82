import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import { storeWriterSuite } from './writer-suite.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'slipway-store-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

storeWriterSuite(
  'a directory',
  () => directoryWriter(path.join(folder, 'store')),
  () => rm(path.join(folder, 'store'), { recursive: true, force: true }),
);

describe('a directory store', () => {
  it('swaps again after a publisher that held the lock was killed', async () => {
    const place = path.join(folder, 'locked');
    const store = directoryWriter(place);
    await store.putNew('metadata/timestamp.json', Buffer.from('one'));
    const script = `const { DatabaseSync } = require('node:sqlite');
      globalThis.db = new DatabaseSync(${JSON.stringify(path.join(place, '.lock'))});
      globalThis.db.exec('BEGIN IMMEDIATE'); console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void holder.kill('SIGKILL'));
    await once(holder.stdout, 'data');
    const etag = (await store.readWhole('metadata/timestamp.json', 100))?.etag ?? '';
    let settled = false;
    const swap = store.compareAndSwap('metadata/timestamp.json', etag, Buffer.from('two')).finally(() => {
      settled = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(settled).toBe(false);
    holder.kill('SIGKILL');
    expect(await swap).toBe('swapped');
  });

  it('leaves no temporary file behind', async () => {
    const place = path.join(folder, 'clean');
    const store = directoryWriter(place);
    await store.putNew('metadata/1.root.json', Buffer.from('one'));
    await store.putNew('metadata/1.root.json', Buffer.from('two'));
    expect(await readdir(path.join(place, '.tmp'))).toEqual([]);
  });

  it('says that it may not write', async () => {
    // Nobody makes folders in sysfs, not even root.
    const refused = directoryWriter('/sys/slipway').putNew('targets/x', Buffer.from('one'));
    await expect(refused).rejects.toMatchObject({ code: 'store-forbidden', hint: expect.any(String) });
  });

  it('removes what a publisher that was killed days ago left half-written, and nothing younger', async () => {
    const place = path.join(folder, 'swept');
    await mkdir(path.join(place, '.tmp'), { recursive: true });
    for (const [name, days] of [
      ['old', 2],
      ['young', 0],
    ] as const) {
      await writeFile(path.join(place, '.tmp', name), 'half');
      const at = Date.now() / 1000 - days * 86_400;
      await utimes(path.join(place, '.tmp', name), at, at);
    }
    await directoryWriter(place).putNew('metadata/1.root.json', Buffer.from('one'));
    expect(await readdir(path.join(place, '.tmp'))).toEqual(['young']);
  });
});
