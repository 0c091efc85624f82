import fc from 'fast-check';
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
    ['v1.33.9-rc9+k3s1', 'v1.33.9-rc10+k3s1'],
    ['v1.33.9-rc10+k3s1', 'v1.33.9+k3s1'],
    ['v1.33.9-rc1+k3s2', 'v1.33.9-rc2+k3s1'],
    ['v1.33.9-rc1+k3s1', 'v1.33.9-rc1+k3s2'],
    ['v1.33.9-alpha2+k3s1', 'v1.33.9-rc1+k3s1'],
    ['1.34.1-rc.9+k0s.0', '1.34.1-rc.10+k0s.0'],
    ['1.0.0-1', '1.0.0-rc1'],
    ['1.0.0-rc', '1.0.0-rc.1'],
  ])('%s comes before %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
  });

  it('have one order, whichever are compared', () => {
    const version = fc
      .tuple(
        fc.constantFrom('1.33.9', 'v1.33.9', '1.33.10', '1.34.0'),
        fc.constantFrom('', '-rc9', '-rc10', '-rc1', '-rc.9', '-rc.10', '-9', '-alpha', '-alpha.rc2'),
        fc.constantFrom('', '+k3s1', '+k3s2', '+k3s10', '+k0s.0', '+k0s.10'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
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
