import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { directoryReader } from '../../../system/store/directory-reader.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import type { StoreReader } from '../../../system/store/reader.ts';
import { storeReaderSuite } from './reader-suite.ts';

async function makeStore(open: (folder: string) => StoreReader = directoryReader) {
  const folder = await mkdtemp(path.join(tmpdir(), 'directory-store-'));
  return {
    folder,
    reader: open(folder),
    async put(key: string, bytes: Uint8Array) {
      const file = path.join(folder, key);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, bytes);
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

storeReaderSuite('a folder', () => makeStore());
storeReaderSuite('a folder that may be written', () => makeStore(directoryWriter));

it('a key that leaves the folder is refused', async () => {
  const { reader, dispose } = await makeStore();
  await expect(reader.stat('../secret')).rejects.toMatchObject({ code: 'not-found' });
  await expect(reader.open('blobs/../../secret', undefined)).rejects.toMatchObject({ code: 'not-found' });
  await dispose();
});

it('what is no file is not there, also where opening it would wait', async () => {
  const { reader, folder, dispose } = await makeStore();
  execFileSync('mkfifo', [path.join(folder, 'pipe')]);
  await symlink('/dev/zero', path.join(folder, 'endless'));
  for (const key of ['pipe', 'endless']) {
    expect(await reader.stat(key)).toBeUndefined();
    expect(await reader.open(key, undefined)).toBeUndefined();
    expect(await reader.readWhole(key, 10)).toBeUndefined();
  }
  await dispose();
});

it('a name that the file system refuses is an input or output error', async () => {
  const { reader, dispose } = await makeStore();
  await expect(reader.readWhole('x'.repeat(300), 10)).rejects.toMatchObject({ code: 'io-error' });
  await dispose();
});
