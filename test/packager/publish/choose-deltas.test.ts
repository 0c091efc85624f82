import { describe, expect, it } from 'vitest';
import type { Delta } from '../../../contract/release/manifest.ts';
import { chooseDeltas } from '../../../packager/publish/choose-deltas.ts';

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
