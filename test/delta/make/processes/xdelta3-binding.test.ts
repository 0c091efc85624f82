import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../../../contract/digest.ts';
import {
  bindingPackage,
  findXdelta3,
  thisMachine,
  xdelta3Encoder,
} from '../../../../delta/make/processes/xdelta3-binding.ts';
import { makeVcdiff } from '../../../../delta/make/vcdiff.ts';
import { bundleProgram } from '../../../../infra/bundle.ts';
import { describeUnless } from '../../../services/requirement.ts';
import { filePair } from '../../vcdiff/file-pair.ts';

test.each([
  ['linux', 'arm64', 'glibc'],
  ['linux', 'arm', 'glibc'],
  ['darwin', 'arm64', 'musl'],
  ['win32', 'x64', 'musl'],
] as const)('has no build for %s %s and says so', (platform, arch, libc) => {
  const found = findXdelta3({ platform, arch, libc });
  expect(found).toMatchObject({ kind: 'unavailable', reason: 'no-build-for-machine' });
});

test.each(['glibc', 'musl'] as const)('takes the build for %s', (libc) => {
  const asked: string[] = [];
  const found = findXdelta3({ platform: 'linux', arch: 'x64', libc }, (name) => {
    asked.push(name);
    return '/binding.node';
  });
  expect(found.kind).toBe('available');
  expect(asked).toEqual([`@chainsafe/xdelta3-node-linux-x64-${libc === 'glibc' ? 'gnu' : 'musl'}`]);
});

test('says when the optional package is not installed', () => {
  const found = findXdelta3({ platform: 'linux', arch: 'x64', libc: 'glibc' }, () => {
    throw new Error('not found');
  });
  expect(found).toMatchObject({ kind: 'unavailable', reason: 'not-installed' });
});

const found = findXdelta3();
describeUnless(found.kind === 'available' ? undefined : found.detail, 'the encoder', () => {
  if (found.kind !== 'available') return;
  const { encoder } = found;
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const pair = filePair(500_000, 3);
  const expected = { length: pair.new.length, sha256: sha256(pair.new) };

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'slipway-encoder-'));
    writeFileSync(at('old'), pair.old);
    writeFileSync(at('new'), pair.new);
    writeFileSync(at('tiny'), 'x');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('makes a proven delta much smaller than the file', async () => {
    const outcome = await makeVcdiff(encoder, at('old'), at('new'), at('out'), expected);
    expect(outcome).toMatchObject({ kind: 'encoded' });
    expect(outcome.kind === 'encoded' && outcome.length).toBeLessThan(pair.new.length / 4);
  });

  test('leaves nothing behind for a target that the binding cannot encode', async () => {
    writeFileSync(at('none'), 'of an earlier attempt');
    const outcome = await encoder.encode(at('tiny'), at('tiny'), at('none'));
    expect(outcome).toMatchObject({ kind: 'skipped', reason: 'encoder-failed' });
    expect(existsSync(at('none'))).toBe(false);
  });

  test('is an outcome, not a crash, when the binding does not load', async () => {
    const broken = xdelta3Encoder(at('old'));
    expect(await broken.encode(at('old'), at('new'), at('none'))).toMatchObject({ reason: 'encoder-failed' });
  });

  test('works from the bundles that a shipped packager consists of', async () => {
    const root = path.resolve(import.meta.dirname, '../../../..');
    for (const [entry, output] of [
      ['delta/make/processes/xdelta3-binding.ts', 'packager.mjs'],
      ['delta/make/processes/xdelta3-child.ts', 'slipway-xdelta3-child.mjs'],
    ] as const) {
      await bundleProgram({ entry, output, executable: false }, root, folder);
    }
    const bundled = (await import(pathToFileURL(at('packager.mjs')).href)) as { xdelta3Encoder: typeof xdelta3Encoder };
    const binding = createRequire(import.meta.url).resolve(bindingPackage(thisMachine()) ?? '');
    const outcome = await bundled.xdelta3Encoder(binding).encode(at('old'), at('new'), at('bundled'));
    expect(outcome).toMatchObject({ kind: 'encoded' });
  });
});
