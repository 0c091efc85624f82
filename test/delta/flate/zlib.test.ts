import { describe, expect, it } from 'vitest';
import { samplesFor } from '../../corpus/flate/golden-samples.ts';
import { type SampleKind, sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { streamDigest } from './stream-digest.ts';
import golden from './zlib-golden.json' with { type: 'json' };

describe('the zlib encoder', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9] as const)("writes zlib's own bytes of every sample at level %i", (level) => {
    const settings = { encoder: 'zlib', level } as const;
    for (const { kind, length, seed, zlib } of samplesFor(golden.samples, level)) {
      const bytes = sampleBytes(kind as SampleKind, length, seed);
      expect(streamDigest(bytes, settings, 32 * 1024), `${kind} ${length}`).toBe(zlib[level]);
      if (kind === 'mixed')
        expect(streamDigest(bytes, settings, 9973), `${kind} ${length} in pieces`).toBe(zlib[level]);
    }
  });
});

describe('the pigz encoder', () => {
  it.each([1, 6, 9] as const)("writes pigz's own bytes of every sample at level %i", (level) => {
    for (const { kind, length, seed, pigz } of samplesFor(golden.samples, level)) {
      const bytes = sampleBytes(kind as SampleKind, length, seed);
      expect(streamDigest(bytes, { encoder: 'pigz', level }, 50_000), `${kind} ${length}`).toBe(pigz[level]);
    }
  });
});
