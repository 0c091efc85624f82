import { describe, expect, it } from 'vitest';
import { samplesFor } from '../../corpus/flate/golden-samples.ts';
import { type SampleKind, sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import golden from './relatives-golden.json' with { type: 'json' };
import { streamDigest } from './stream-digest.ts';

const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

describe.each([
  { encoder: 'gzip', owner: 'GNU gzip' },
  { encoder: 'chromium', owner: 'Node' },
] as const)('the $encoder encoder', ({ encoder, owner }) => {
  it.each(levels)(`writes ${owner}'s own bytes of every sample at level %i`, (level) => {
    for (const { kind, length, seed, ...streams } of samplesFor(golden.samples, level)) {
      const bytes = sampleBytes(kind as SampleKind, length, seed);
      const expected = streams[encoder][level];
      expect(streamDigest(bytes, { encoder, level }, 50_000), `${kind} ${length}`).toBe(expected);
      if (kind === 'mixed')
        expect(streamDigest(bytes, { encoder, level }, 9973), `${kind} ${length} in pieces`).toBe(expected);
    }
  });
});
