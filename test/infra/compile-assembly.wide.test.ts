/** The WebAssembly in Git is what its sources compile to. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { assemblies, compiledFile, compiledText } from '../../infra/compile-assembly.ts';

describe('npm run assembly', () => {
  it.each(assemblies)('would leave the %s module as it is', async (name) => {
    expect(await readFile(compiledFile(name), 'utf8')).toBe(await compiledText(name));
  });

  it('tells what is wrong with a source', async () => {
    await expect(compiledText('no-such-module')).rejects.toThrow(/cannot compile no-such-module: .*exports/s);
  });
});
