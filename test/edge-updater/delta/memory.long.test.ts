/**
 * Applying the deltas of real programs in a control group, by the built programs: 192 MiB for plain Go pairs, and the 256
 * MiB that an updater allows by default where a payload is encoded again. Takes 10 minutes on two idle cores.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runJson } from '../../../infra/demo/programs.ts';
import { fileDigest } from '../../corpus/cache.ts';
import { type Program, program } from '../../corpus/programs.ts';
import { shaped } from '../../corpus/shaped.ts';
import { missingCommands } from '../../services/commands.ts';
import { MemoryGroup } from '../../services/memory-group.ts';
import { describeUnless } from '../../services/requirement.ts';

const mebibyte = 1024 * 1024;
const edge = path.join(import.meta.dirname, '../../../dist/slipway-edge.mjs');
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

function whyNot(): string | undefined {
  using group = MemoryGroup.make(192 * mebibyte);
  if (group === undefined) return 'this user cannot make a control group';
  return missingCommands('go', 'npm', 'apt-get', 'dpkg-deb', 'unzip');
}

async function applyWithin(maxBytes: number, old: string, next: string, maxDeltaBytes: number): Promise<void> {
  const [delta, out] = [path.join(folder, 'delta'), path.join(folder, 'out')];
  await runJson('slipway-packager', ['delta', old, next, '--out', delta]);
  expect(statSync(delta).size).toBeLessThan(maxDeltaBytes);
  using group = MemoryGroup.make(maxBytes);
  expect(group?.maxBytes).toBe(maxBytes);
  const result = await group?.run([process.execPath, edge, 'apply', old, delta, out, '--json']);
  expect(result?.exitCode, result?.stderr).toBe(0);
  expect(fileDigest(out)).toBe(fileDigest(next));
}

describeUnless(whyNot(), 'memory of slipway-edge apply, children and page cache included', () => {
  it.each<[Program, Program, number]>([
    ['helm-3.17.2', 'helm-3.17.3', 50_000],
    ['containerd-u2', 'containerd-u3', 150_000],
    ['kubectl-1.33.0', 'kubectl-1.33.9', 330_000],
  ])('is enough with 192 MiB from %s to %s', { timeout: 1_200_000 }, async (old, next, maxDeltaBytes) => {
    await applyWithin(192 * mebibyte, await program(old), await program(next), maxDeltaBytes);
  });

  it('is enough with 256 MiB for a k3s-shaped release', { timeout: 3_600_000 }, async () => {
    await applyWithin(256 * mebibyte, await shaped('k3s', 'old'), await shaped('k3s', 'new'), 300_000);
  });
});
