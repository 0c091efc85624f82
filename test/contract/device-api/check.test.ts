import { describe, expect, it } from 'vitest';
import { checkRequestSchema } from '../../../contract/device-api/check.ts';
import { idleDevice } from '../../fakes/small-fleet.ts';

const deltaPolicy = {
  ...{
    allowReencode: false,
    maxMemoryBytes: 192 * 1024 * 1024,
    maxReencodeSeconds: 0,
    reencodeBytesPerSecond: 524_288,
  },
  zstdVersions: ['1.5.7'],
};

describe('what a check says of deltas', () => {
  it('may be left out by updaters that do not know it', () => {
    expect(checkRequestSchema.parse(idleDevice).deltaPolicy).toBeUndefined();
  });

  it('is what the device allows, with or without a libzstd of its own', () => {
    expect(checkRequestSchema.parse({ ...idleDevice, deltaPolicy }).deltaPolicy).toEqual(deltaPolicy);
    const none = { ...deltaPolicy, zstdVersions: [] };
    expect(checkRequestSchema.parse({ ...idleDevice, deltaPolicy: none }).deltaPolicy).toEqual(none);
  });

  it.each([
    ['no memory at all', { maxMemoryBytes: 0 }],
    ['a machine that compresses nothing', { reencodeBytesPerSecond: 0 }],
    ['a time below zero', { maxReencodeSeconds: -1 }],
    ['a version as long as a page', { zstdVersions: ['1'.repeat(4000)] }],
    ['a field that nobody knows', { maxSeconds: 5 }],
  ])('is refused with %s', (_what, change) => {
    const { success } = checkRequestSchema.safeParse({ ...idleDevice, deltaPolicy: { ...deltaPolicy, ...change } });
    expect(success).toBe(false);
  });
});
