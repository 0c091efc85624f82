import { describe, expect, it } from 'vitest';
import { compareVersions, versionSchema } from '../../../contract/release/version.ts';

describe('versions', () => {
  it.each([
    ['1.33.8', '1.33.9'],
    ['1.33.9', '1.33.10'],
    ['1.33.9-rc1', '1.33.9'],
    ['v1.33.9+k3s1', 'v1.33.9+k3s2'],
    ['v1.33.9+k3s9', 'v1.33.9+k3s10'],
    ['1.33.9', '1.33.9+k3s1'],
    ['1.33.9+k0s.0', '1.33.9+k0s.1'],
  ])('%s comes before %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
  });

  it('are equal to themselves, with or without a leading v', () => {
    expect(compareVersions('v1.33.9+k3s1', '1.33.9+k3s1')).toBe(0);
  });

  it.each([
    '1.33',
    'latest',
    '1.2.3/4',
    '../1.2.3',
    '1.2.3 ',
    '',
    '01.2.3',
    `1.2.3+${'k'.repeat(200)}`,
  ])('refuse %j', (text) => {
    expect(versionSchema.safeParse(text).success).toBe(false);
  });
});
