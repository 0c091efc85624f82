/** A K3s in small, from the packager over a distributor to a device whose updater is killed while it applies the delta. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { elfMachine, platformOfNodeArch } from '../../contract/release/platform.ts';
import { elf, tarred, zstandard } from '../corpus/containers.ts';
import { sampleBytes } from '../corpus/flate/sample-bytes.ts';
import { edited } from '../fakes/small-delta.ts';
import { killedUpdate } from './killed-update.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-small-k3s-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program with a tar.zst in its middle as K3s has it, of 1.2 MB in three programs. */
function smallK3s(name: string, containerd: Uint8Array): string {
  const [main, runc] = [sampleBytes('records', 400_000, 1), sampleBytes('records', 400_000, 2)];
  const tar = tarred([
    { name: 'bin/containerd', bytes: elf(containerd) },
    { name: 'bin/k3s', bytes: elf(main) },
    { name: 'bin/runc', bytes: elf(runc) },
  ]);
  const frame = zstandard(tar, { level: 16, windowLog: 25, longDistance: true, workers: 2 });
  const stub = sampleBytes('records', 9000, 3);
  const program = elf(Buffer.concat([stub.subarray(0, 5000), frame, stub.subarray(5000)]));
  program.writeUInt16LE(elfMachine[platformOfNodeArch(process.arch) ?? 'linux/amd64'], 18);
  writeFileSync(path.join(folder, name), program);
  return path.join(folder, name);
}

it('ends bit for bit by the delta, killed at random moments and while it encodes', { timeout: 600_000 }, async () => {
  const containerd = sampleBytes('records', 400_000, 4);
  const seen = await killedUpdate({
    ...{ old: smallK3s('old', containerd), new: smallK3s('new', edited(containerd, 9000)) },
    ...{ seed: 20261126, kills: 2, lifeMs: 1200, applyMs: 300, patienceMs: 180_000 },
    // The bound on what an encoder takes is that of a frame of any length.
    maxMemoryMiB: 512,
  });
  expect(seen.outcome).toBe('committed');
  expect(seen.installed).toBe(seen.expected);
  expect(seen.encodedBytes).toBeGreaterThan(1_200_000);
  expect(seen.killsWhileApplying).toBeGreaterThanOrEqual(2);
  expect(seen.killsWhileEncoding).toBeGreaterThanOrEqual(1);
  expect(seen.message).toBe('');
  // The whole has a quarter of a megabyte.
  expect(seen.bytesToDevice).toBeLessThan(200_000);
});
