import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { directoryStore } from '../../../../distributor/adapters/store/directory-store.ts';
import { storeReaderSuite } from '../../../port-suites/store-reader.ts';

async function makeStore() {
  const folder = await mkdtemp(path.join(tmpdir(), 'directory-store-'));
  return {
    reader: directoryStore(folder),
    async put(key: string, bytes: Uint8Array) {
      const file = path.join(folder, key);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, bytes);
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

storeReaderSuite('a folder', makeStore);

it('a key that leaves the folder is refused', async () => {
  const { reader, dispose } = await makeStore();
  await expect(reader.stat('../secret')).rejects.toMatchObject({ code: 'not-found' });
  await expect(reader.open('blobs/../../secret', undefined)).rejects.toMatchObject({ code: 'not-found' });
  await dispose();
});

it('a name that the file system refuses is an input or output error', async () => {
  const { reader, dispose } = await makeStore();
  await expect(reader.readWhole('x'.repeat(300), 10)).rejects.toMatchObject({ code: 'io-error' });
  await dispose();
});
