import { describe, expect, it } from 'vitest';
import { type Delta, encodeManifest, type ReleaseManifest } from '../../../contract/release/manifest.ts';
import { chooseDeltas, withDeltasThatFit } from '../../../packager/publish/choose-deltas.ts';

const digest = 'a'.repeat(64);
const blob = { encoding: 'identity', sha256: digest, fromSha256: digest } as const;
const vcdiff = (length: number): { delta: Delta } => ({ delta: { ...blob, format: 'vcdiff', length } });
const slipway = (length: number, encodes = false): { delta: Delta } => {
  const zstd = { versions: ['1.5.7'], memoryBytes: 1e8, contentBytes: 1e8 };
  return { delta: { ...blob, format: 'slipway', length, needs: { scratchBytes: 0, ...(encodes ? { zstd } : {}) } } };
};
const kept = (made: readonly { delta: Delta }[], fullBytes = 1000) =>
  chooseDeltas(made, fullBytes).kept.map(({ delta }) => `${delta.format} ${delta.length}`);

describe('the choice among deltas', () => {
  it('keeps the smallest of both kinds', () => {
    expect(kept([vcdiff(500), slipway(100)])).toEqual(['slipway 100']);
    expect(kept([vcdiff(50), slipway(100)])).toEqual(['vcdiff 50']);
  });

  it('keeps a VCDIFF one beside a Slipway one that makes the device encode again', () => {
    expect(kept([vcdiff(900), slipway(100, true)])).toEqual(['slipway 100', 'vcdiff 900']);
  });

  it('keeps none that is not smaller than the full download, and says so', () => {
    expect(kept([vcdiff(1000), slipway(1001)])).toEqual([]);
    expect(kept([vcdiff(1000), slipway(100, true)])).toEqual(['slipway 100']);
    expect(chooseDeltas([vcdiff(1000)], 1000).leftOut).toEqual(['vcdiff is not smaller, left out']);
  });
});

describe('deltas of a whole release', () => {
  const components = Array.from({ length: 200 }, (_, index): ReleaseManifest['components'][number] => ({
    ...{ name: `c${index}`, kind: 'file', installPath: `files/${index}`, mode: '0644', length: 9, sha256: digest },
    blobs: [{ encoding: 'identity', length: 9, sha256: digest }],
    deltas: Array.from({ length: 32 }, (_, length) => vcdiff(length + 1).delta),
  }));
  const manifest: ReleaseManifest = {
    ...{ schemaVersion: 1, product: 'k3s-edge', platform: 'linux/arm64', version: '1.0.0', counter: 1, floors: [] },
    components,
  };

  it('are left out, the largest first, where a device would not read the manifest with all of them', () => {
    const { manifest: fitting, deltasEach } = withDeltasThatFit(manifest);
    expect(deltasEach).toBeGreaterThan(0);
    expect(deltasEach).toBeLessThan(32);
    expect(fitting.components[7]?.deltas.map(({ length }) => length).at(-1)).toBe(deltasEach);
    expect(encodeManifest(fitting).bytes.length).toBeLessThanOrEqual(1024 * 1024);
  });

  it('all stay where there is room', () => {
    const small = { ...manifest, components: components.slice(0, 3) };
    expect(withDeltasThatFit(small)).toMatchObject({ deltasEach: 32, manifest: small });
  });
});
