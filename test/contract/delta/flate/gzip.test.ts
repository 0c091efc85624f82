import { describe, expect, it } from 'vitest';
import { type SampleKind, sampleBytes } from '../../../corpus/flate/sample-bytes.ts';
import golden from './gzip-golden.json' with { type: 'json' };
import { streamDigest } from './stream-digest.ts';

describe('the gzip encoder', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9] as const)("writes GNU gzip's own bytes of every sample at level %i", (level) => {
    const settings = { encoder: 'gzip', level } as const;
    for (const { kind, length, seed, gzip } of golden.samples) {
      const bytes = sampleBytes(kind as SampleKind, length, seed);
      expect(streamDigest(bytes, settings, 50_000), `${kind} ${length}`).toBe(gzip[level]);
      if (kind === 'mixed')
        expect(streamDigest(bytes, settings, 9973), `${kind} ${length} in pieces`).toBe(gzip[level]);
    }
  });
});
