import { chmod, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { openSecrets } from '../../../system/files/open-secrets.ts';
import { Workbench } from '../../packager/workbench.ts';

it('tells of each secret that others may read, write or run, and of no other', async () => {
  const bench = await Workbench.open();
  const modes = [0o600, 0o400, 0o700, 0o640, 0o604, 0o601, 0o620];
  const files = modes.map((mode) => bench.at(mode.toString(8)));
  for (const [at, file] of files.entries()) {
    await writeFile(file, 'secret');
    await chmod(file, modes[at] ?? 0);
  }
  const told = await openSecrets([undefined, bench.at('none'), ...files]);
  expect(told).toEqual(['640', '604', '601', '620'].map((mode) => ({ file: bench.at(mode), mode: `0${mode}` })));
});
