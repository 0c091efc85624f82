import { describe, expect, it } from 'vitest';
import type { DeltaPolicy } from '../../../contract/device-api/check.ts';
import type { Delta } from '../../../contract/release/manifest.ts';
import { describeRefusal, refusalOf } from '../../../edge-updater/update/delta-policy.ts';

const mebibyte = 1024 * 1024;
const policy: DeltaPolicy = {
  allowReencode: true,
  maxMemoryBytes: 256 * mebibyte,
  maxReencodeSeconds: 600,
  reencodeBytesPerSecond: mebibyte,
  zstdVersions: ['1.5.7'],
};
const blob = { encoding: 'identity', length: 50, sha256: 'c'.repeat(64), fromSha256: '0'.repeat(64) } as const;
const zstd = { versions: ['1.5.7'], memoryBytes: 150 * mebibyte, contentBytes: 200 * mebibyte };
const slipway = (needs: object): Delta => ({ ...blob, format: 'slipway', needs: { scratchBytes: 1000, ...needs } });

describe('a device', () => {
  it('affords what fits its policy', () => {
    expect(refusalOf(slipway({ zstd }), policy)).toBeUndefined();
    expect(refusalOf(slipway({}), policy)).toBeUndefined();
    expect(refusalOf({ ...blob, format: 'vcdiff' }, { ...policy, maxMemoryBytes: 1 })).toBeUndefined();
  });

  it.each<[Partial<DeltaPolicy>, string, string]>([
    [{ allowReencode: false }, 'reencode-forbidden', 'forbids'],
    [{ zstdVersions: ['1.5.6', '1.5.4'] }, 'encoder-missing', '1.5.6 and 1.5.4'],
    [{ zstdVersions: [] }, 'encoder-missing', 'none'],
    [{ maxMemoryBytes: 245 * mebibyte }, 'memory', '246 MiB'],
    [{ maxReencodeSeconds: 199 }, 'time', '200 s'],
  ])('with %j does without a delta that re-encodes: %s', (change, reason, words) => {
    const refusal = refusalOf(slipway({ zstd }), { ...policy, ...change });
    expect(refusal?.reason).toBe(reason);
    expect(refusal && describeRefusal(refusal)).toContain(words);
  });

  it('needs every version of libzstd that the delta names', () => {
    const two = slipway({ zstd: { ...zstd, versions: ['1.5.7', '1.5.4'] } });
    expect(refusalOf(two, policy)).toEqual({ reason: 'encoder-missing', expected: '1.5.4', found: ['1.5.7'] });
    expect(refusalOf(two, { ...policy, zstdVersions: ['1.5.7', '1.5.6', '1.5.4'] })).toBeUndefined();
  });

  it('needs no encoder, leave or time for a delta that re-encodes nothing', () => {
    const poor = { ...policy, allowReencode: false, zstdVersions: [], maxReencodeSeconds: 0 };
    expect(refusalOf(slipway({}), poor)).toBeUndefined();
    expect(refusalOf(slipway({}), { ...poor, maxMemoryBytes: 95 * mebibyte })?.reason).toBe('memory');
  });
});
