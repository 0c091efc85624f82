/** Files above 2 GiB, sparse so that they cost time and no disk. Takes minutes; run by: npm run test:long */
import { copyFile, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { makeSlipwayDelta } from '../../../delta/make/make-delta.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import { noise } from '../../packager/workbench.ts';
import { ownEncoders } from './delta-bench.ts';

const length = 2.4e9;
/** Incompressible bytes here and there, and zeros between them. */
const places = [0, 700_000_000, 1_500_000_000, 2_200_000_000];

it('moves what changed, and not the file, when seven bytes of 2.4 GB change', { timeout: 900_000 }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-long-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [old, new_, delta] = ['old', 'new', 'delta'].map((name) => path.join(folder, name)) as [string, string, string];
  const file = await open(old, 'w');
  await file.truncate(length);
  for (const [seed, at] of places.entries())
    await file.write(Buffer.from(noise(seed, 2_000_000), 'base64'), 0, null, at);
  await file.close();
  await copyFile(old, new_);
  const changed = await open(new_, 'r+');
  await changed.write(Buffer.from('changed'), 0, 7, 1_500_400_000);
  await changed.close();
  const made = await makeSlipwayDelta(old, new_, delta, {
    ...{ encoders: { ...ownEncoders, maxMemoryBytes: 2 ** 30 }, vcdiff: undefined, scratch: folder },
    ...{ zstd: libzstdEncoder(), progress: silentProgress, say: () => undefined },
  });
  expect(made).toMatchObject({ newLength: length, givenUp: [] });
  expect(made.length).toBe((await stat(delta)).size);
  expect(made.length).toBeLessThan(20_000);
});
