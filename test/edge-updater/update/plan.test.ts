import { describe, expect, it } from 'vitest';
import type { Component, ReleaseManifest } from '../../../contract/release/manifest.ts';
import { type PlanInput, planUpdate } from '../../../edge-updater/update/plan.ts';

const digest = (letter: string) => letter.repeat(64);
const component: Component = {
  ...{ name: 'k3s', kind: 'binary', installPath: 'bin/k3s', mode: '0755', length: 1000, sha256: digest('a') },
  blobs: [
    { encoding: 'identity', length: 1000, sha256: digest('a') },
    { encoding: 'zstd', length: 400, sha256: digest('b') },
  ],
  deltas: [
    { encoding: 'identity', length: 50, sha256: digest('c'), fromSha256: digest('0'), format: 'vcdiff' },
    { encoding: 'zstd', length: 30, sha256: digest('d'), fromSha256: digest('0'), format: 'vcdiff' },
    { encoding: 'zstd', length: 10, sha256: digest('e'), fromSha256: digest('9'), format: 'vcdiff' },
  ],
};
const manifest: ReleaseManifest = {
  ...{ schemaVersion: 1, product: 'p', platform: 'linux/amd64', version: '2.0.0', counter: 2, floors: [] },
  components: [component],
};
const input: PlanInput = {
  manifest,
  installed: new Set([digest('0')]),
  durable: new Map(),
  failedSources: [],
  bytesOnWire: 0,
  allowFullAfterDeltaFailure: true,
  deltaPolicy: {
    allowReencode: true,
    maxMemoryBytes: 256 * 1024 * 1024,
    maxReencodeSeconds: 100,
    reencodeBytesPerSecond: 1000,
    zstdVersions: ['1.5.7'],
  },
};
const chosen = (change: Partial<PlanInput>) => planUpdate({ ...input, ...change }).components[0]?.source;

describe('the cheapest source of a component', () => {
  it('is an installed file with the same bytes', () => {
    expect(chosen({ installed: new Set([digest('a')]) })).toEqual({ kind: 'copy', from: digest('a') });
  });

  it('is the smallest delta from what is installed', () => {
    expect(chosen({})).toMatchObject({ kind: 'delta', delta: { sha256: digest('d') } });
  });

  it('is the smallest whole blob where no delta fits', () => {
    expect(chosen({ installed: new Set() })).toMatchObject({ kind: 'full', blob: { sha256: digest('b') } });
  });

  it('counts only the bytes that are still to come', () => {
    expect(chosen({ durable: new Map([[digest('b'), 395]]) })).toMatchObject({ kind: 'full' });
  });

  it('is the next delta after one failed, then the whole', () => {
    expect(chosen({ failedSources: [digest('d')] })).toMatchObject({ delta: { sha256: digest('c') } });
    expect(chosen({ failedSources: [digest('c'), digest('d')] })).toMatchObject({ kind: 'full' });
  });

  it('is not an installed file that turned out to be damaged', () => {
    const damaged = { installed: new Set([digest('a')]), failedSources: [digest('a')] };
    expect(chosen(damaged)).toMatchObject({ kind: 'full' });
    expect(() => chosen({ ...damaged, allowFullAfterDeltaFailure: false })).toThrow(
      expect.objectContaining({ code: 'full-download-forbidden' }),
    );
  });

  it('is nothing where policy forbids the whole after the deltas failed', () => {
    const failedSources = [digest('c'), digest('d')];
    expect(() => chosen({ failedSources, allowFullAfterDeltaFailure: false })).toThrow(
      expect.objectContaining({ code: 'full-download-forbidden' }),
    );
  });

  it('is nothing where a bundle lacks what is needed', () => {
    expect(() => chosen({ available: new Set() })).toThrow(expect.objectContaining({ code: 'blob-missing' }));
  });
});

describe('the plan', () => {
  it('says what the cheapest full download would cost', () => {
    expect(planUpdate(input)).toMatchObject({ fullBytes: 400, remainingBytes: 30 });
  });

  it('fetches a blob of two components once', () => {
    const twin = { ...component, name: 'twin', installPath: 'bin/twin' };
    const plan = planUpdate({ ...input, manifest: { ...manifest, components: [component, twin] } });
    expect(plan.blobs).toHaveLength(1);
    expect(plan.remainingBytes).toBe(30);
  });

  it('is refused over the budget, what was moved already included', () => {
    expect(() => planUpdate({ ...input, maxBytes: 30, bytesOnWire: 0 })).not.toThrow();
    expect(() => planUpdate({ ...input, maxBytes: 30, bytesOnWire: 1 })).toThrow(
      expect.objectContaining({ code: 'budget-exceeded' }),
    );
  });
});

describe('a delta that asks much of the device', () => {
  const zstd = { versions: ['1.5.7'], memoryBytes: 1000, contentBytes: 50_000 };
  const slipway = {
    ...({ encoding: 'identity', length: 5, sha256: digest('f'), fromSha256: digest('0') } as const),
    ...({ format: 'slipway', needs: { scratchBytes: 700, zstd } } as const),
  };
  const rich = { ...manifest, components: [{ ...component, deltas: [...component.deltas, slipway] }] };
  const plan = (change: Partial<PlanInput>) => planUpdate({ ...input, manifest: rich, ...change });
  const poor = { ...input.deltaPolicy, allowReencode: false };

  it('is chosen where the device affords it, with the disk that it takes', () => {
    expect(plan({})).toMatchObject({ scratchBytes: 700, refusedDeltas: [] });
    expect(plan({}).components[0]?.source).toMatchObject({ delta: { sha256: digest('f') } });
  });

  it('gives way to the next best where the device does not, and the plan says why', () => {
    const { components, scratchBytes, refusedDeltas } = plan({ deltaPolicy: poor });
    expect(components[0]?.source).toMatchObject({ kind: 'delta', delta: { sha256: digest('d') } });
    expect(scratchBytes).toBe(0);
    expect(refusedDeltas).toEqual([{ component: 'k3s', refusal: { reason: 'reencode-forbidden' } }]);
  });

  it('is not a failure: the whole may be fetched although failures forbid it', () => {
    const only = { ...manifest, components: [{ ...component, deltas: [slipway] }] };
    const strict = { manifest: only, deltaPolicy: poor, allowFullAfterDeltaFailure: false };
    expect(plan(strict).components[0]?.source).toMatchObject({ kind: 'full' });
  });

  it('is not regretted where it would not have been cheaper, or is of no use', () => {
    const copy = plan({ deltaPolicy: poor, installed: new Set([digest('a')]) });
    expect(copy.refusedDeltas).toEqual([]);
    expect(plan({ deltaPolicy: poor, installed: new Set() }).refusedDeltas).toEqual([]);
    const dear = {
      ...manifest,
      components: [{ ...component, deltas: [...component.deltas, { ...slipway, length: 35 }] }],
    };
    expect(plan({ deltaPolicy: poor, manifest: dear }).refusedDeltas).toEqual([]);
  });
});
