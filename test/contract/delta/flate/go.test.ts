import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createDeflateEncoder } from '../../../../contract/delta/flate/encoder.ts';
import { type SampleKind, sampleBytes } from '../../../corpus/flate/sample-bytes.ts';
import golden from './go-golden.json' with { type: 'json' };

/** First 16 digits of the digest of the stream, with the sample written in pieces of `chunk` bytes. */
function streamDigest(bytes: Uint8Array, level: number, chunk: number): string {
  const hash = createHash('sha256');
  const encoder = createDeflateEncoder({ encoder: 'go', level }, (view) => hash.update(view));
  for (let at = 0; at < bytes.length; at += chunk) encoder.write(bytes.subarray(at, at + chunk));
  encoder.finish();
  return hash.digest('hex').slice(0, 16);
}

describe('the Go encoder', () => {
  const levels = [-2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

  it.each(levels)("writes Go's own bytes of every sample at level %i, however the writes are cut", (level) => {
    for (const { kind, length, seed, streams } of golden.samples) {
      const bytes = sampleBytes(kind as SampleKind, length, seed);
      const expected = streams[`${level}`];
      expect(streamDigest(bytes, level, 32 * 1024), `${kind} ${length}`).toBe(expected);
      if (kind === 'mixed' && length > 9973)
        expect(streamDigest(bytes, level, 9973), `${kind} ${length} in pieces`).toBe(expected);
    }
  });

  it('takes level -1 for 6, as Go does', () => {
    const bytes = sampleBytes('mixed', 100_000, 7);
    expect(streamDigest(bytes, -1, 50_000)).toBe(streamDigest(bytes, 6, 100_000));
  });
});
