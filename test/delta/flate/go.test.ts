import { describe, expect, it } from 'vitest';
import { samplesFor } from '../../corpus/flate/golden-samples.ts';
import { type SampleKind, sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import golden from './go-golden.json' with { type: 'json' };
import { streamDigest } from './stream-digest.ts';

describe('the Go encoder', () => {
  const levels = [-2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

  it.each(levels)("writes Go's own bytes of every sample at level %i, however the writes are cut", (level) => {
    const settings = { encoder: 'go', level } as const;
    for (const { kind, length, seed, streams } of samplesFor(golden.samples, level)) {
      const bytes = sampleBytes(kind as SampleKind, length, seed);
      const expected = streams[`${level}`];
      expect(streamDigest(bytes, settings, 32 * 1024), `${kind} ${length}`).toBe(expected);
      if (kind === 'mixed') expect(streamDigest(bytes, settings, 9973), `${kind} ${length} in pieces`).toBe(expected);
    }
  });

  it('takes level -1 for 6, as Go does', () => {
    const bytes = sampleBytes('mixed', 100_000, 7);
    const six = streamDigest(bytes, { encoder: 'go', level: 6 }, 100_000);
    expect(streamDigest(bytes, { encoder: 'go', level: -1 }, 50_000)).toBe(six);
  });
});
