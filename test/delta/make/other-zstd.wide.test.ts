/** Artifacts packed with a zstd that is not Node's, as K3s is on the Alpine release that it is built on. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import { anyZstdEncoder } from '../../../delta/recipe/zstd-encoders.ts';
import { zstdProgramEncoder } from '../../../delta/recipe/zstd-program.ts';
import { elf, tarred, zstandard } from '../../corpus/containers.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { describeUnless } from '../../services/requirement.ts';
import { otherZstdMissing, packedByZstd, zstdCommand, zstdCommandVersion } from '../../services/zstd-command.ts';
import { deltaBetween } from './delta-bench.ts';

describeUnless(otherZstdMissing, 'what the zstd command packed', () => {
  const node = libzstdEncoder();
  const both = anyZstdEncoder([node, zstdProgramEncoder(zstdCommand, zstdCommandVersion)]);

  function payload(release: 'old' | 'new', length: number): Buffer {
    const text = Buffer.from(sampleBytes('text', length, 8));
    if (release === 'new') text.write('edited', length / 2);
    return tarred([
      { name: 'bin/k3s', bytes: text },
      { name: 'bin/runc', bytes: sampleBytes('text', length / 4, 9) },
    ]);
  }
  const k3s = (release: 'old' | 'new') => elf(packedByZstd(payload(release, 200_000), '-T0', '-16', '--long=25'));

  it('is opened where that command is there, and else stays compressed', { timeout: 120_000 }, async () => {
    const made = await deltaBetween(k3s('old'), k3s('new'), { zstd: both });
    expect(made.applied.equals(k3s('new'))).toBe(true);
    expect(made).toMatchObject({
      strategy: 'opened',
      unopened: [],
      needs: { zstd: { versions: [zstdCommandVersion] } },
    });
    expect(made.length).toBeLessThan(1000);
    const without = await deltaBetween(k3s('old'), k3s('new'), { zstd: node });
    expect(without.applied.equals(k3s('new'))).toBe(true);
    expect(without.unopened).toMatchObject([{ reason: 'encoder-unknown' }]);
    expect(without.length).toBeGreaterThan(10 * made.length);
  });

  it('is opened where it read from a pipe, and the frame does not say its size', { timeout: 120_000 }, async () => {
    const piped = (release: 'old' | 'new') =>
      elf(execFileSync(zstdCommand, ['-q', '-c', '-7'], { input: payload(release, 140_000) }));
    const made = await deltaBetween(piped('old'), piped('new'), { zstd: both });
    expect(made.applied.equals(piped('new'))).toBe(true);
    expect(made).toMatchObject({ strategy: 'opened', unopened: [] });
  });

  it('may lie beside what another version packed', { timeout: 120_000 }, async () => {
    const airgap = (release: 'old' | 'new') =>
      tarred([
        { name: 'a.tar.zst', bytes: packedByZstd(payload(release, 40_000), '-3') },
        { name: 'b.tar.zst', bytes: zstandard(payload(release, 40_000), { level: 3 }) },
      ]);
    const made = await deltaBetween(airgap('old'), airgap('new'), { zstd: both });
    expect(made.applied.equals(airgap('new'))).toBe(true);
    expect(made.unopened).toEqual([]);
    expect(made.needs.zstd?.versions.toSorted()).toEqual([zstdCommandVersion, process.versions.zstd].toSorted());
  });
});
