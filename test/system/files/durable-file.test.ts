import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createFile, diskError, replaceFile } from '../../../system/files/durable-file.ts';
import { Workbench } from '../../packager/workbench.ts';

describe('a durable file', () => {
  it('keeps its old content, and leaves nothing beside it, when the new content fails half-way', async () => {
    const bench = await Workbench.open();
    const file = bench.at('deep/folder/file');
    await replaceFile(file, Buffer.from('old'));
    async function* failing() {
      yield Buffer.from('ne');
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    }
    await expect(replaceFile(file, failing())).rejects.toMatchObject({ code: 'disk-full' });
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(bench.at('deep/folder'))).toEqual(['file']);
  });

  it('is created by one of several and replaced by none of them', async () => {
    const bench = await Workbench.open();
    const results = await Promise.all(['a', 'b', 'c'].map((text) => createFile(bench.at('x'), Buffer.from(text))));
    expect(results.filter((created) => created)).toHaveLength(1);
    expect(await readFile(bench.at('x'), 'utf8')).toBe(['a', 'b', 'c'][results.indexOf(true)]);
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EIO', 'io-error'],
    ['EACCES', 'io-error'],
    [undefined, 'internal'],
  ])('turns %s into %s, without the path', (system, code) => {
    const error = diskError(Object.assign(new Error(`${system}: open '/secret/place'`), { code: system }), 'x.tar');
    expect(error.code).toBe(code);
    if (code !== 'internal') expect(error.message).not.toContain('/secret');
  });
});
