import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../../contract/release/version.ts';
import { type Release, ReleaseIndex } from '../../../distributor/catalog/releases.ts';
import { type Hop, nextHop, type PathInput } from '../../../distributor/rollout/path.ts';
import { release } from './deciding.ts';

const k3s = (text: string, counter: number, more: Partial<Release> = {}): Release =>
  release(counter, { version: `${text}+k3s1`, ...more });
const line = [
  k3s('1.30.4', 1),
  k3s('1.31.2', 2),
  k3s('1.31.9', 3),
  k3s('1.32.1', 4),
  k3s('1.32.7', 5),
  k3s('1.33.0', 6),
];

function hop(from: string | undefined, to: string, more: Partial<PathInput> = {}, releases: Release[] = line): Hop {
  const index = new ReleaseIndex(releases);
  const goal = index.find('edge', 'linux/amd64', { release: to });
  if (!goal) throw new Error(`no release ${to}`);
  return nextHop({ goal, current: from, releases: index, maxMinorStep: undefined, isRefused: () => false, ...more });
}

function textOf(found: Hop): string {
  return found.kind === 'go' ? `${found.release.version} ${found.because}` : `missing ${found.needed} ${found.because}`;
}

/** Every release that a device installs until it runs the goal. */
function journey(from: string, to: string, releases?: Release[]): string[] {
  const versions: string[] = [];
  for (let current = from; versions.length < 20; ) {
    const next = hop(current, to, {}, releases);
    if (next.kind === 'missing') return [...versions, `missing ${next.needed}`];
    versions.push(next.release.version);
    if (next.because === 'goal') break;
    current = next.release.version;
  }
  return versions;
}

describe('the path to a release', () => {
  it('goes one minor version of Kubernetes at a time, by the newest patch of each', () => {
    expect(journey('1.30.4+k3s1', '1.33.0+k3s1')).toEqual(['1.31.9+k3s1', '1.32.7+k3s1', '1.33.0+k3s1']);
  });

  it.each<[string, Hop]>([
    ['1.33.0+k3s1 goal', hop(undefined, '1.33.0+k3s1')],
    ['1.33.0+k3s1 goal', hop('1.32.1+k3s1', '1.33.0+k3s1')],
    ['1.31.9+k3s1 skew', hop('1.30.4+k3s1', '1.33.0+k3s1')],
    ['1.32.7+k3s1 skew', hop('1.30.4+k3s1', '1.33.0+k3s1', { maxMinorStep: 2 })],
    ['1.33.0+k3s1 goal', hop('1.30.4+k3s1', '1.33.0+k3s1', { maxMinorStep: 3 })],
    ['1.31.2+k3s1 skew', hop('1.30.4+k3s1', '1.33.0+k3s1', { isRefused: ({ counter }) => counter === 3 })],
    [
      'missing 1.31 skew',
      hop('1.30.4+k3s1', '1.33.0+k3s1', { isRefused: ({ counter }) => counter === 2 || counter === 3 }),
    ],
    ['missing 1.32 skew', hop('1.31.9+k3s1', '1.33.0+k3s1', {}, [k3s('1.31.9', 3), k3s('1.33.0', 6)])],
  ])('%s', (expected, found) => {
    expect(textOf(found)).toBe(expected);
  });

  it('knows no minor step for versions that are not of K3s or K0s', () => {
    expect(textOf(hop('1.1.0', '1.9.0', {}, [release(9)]))).toBe('1.9.0 goal');
    expect(textOf(hop('1.1.0', '1.9.0', { maxMinorStep: 1 }, [release(9)]))).toBe('missing 1.2 skew');
  });

  it('leads over floors, floors of floors, and what the skew asks for in between', () => {
    const releases = [
      k3s('1.30.4', 1),
      k3s('1.30.8', 2),
      k3s('1.31.2', 3, { floors: ['1.30.8+k3s1'] }),
      k3s('1.31.9', 4),
      k3s('1.32.7', 5, { floors: ['1.31.2+k3s1'] }),
    ];
    expect(journey('1.30.4+k3s1', '1.32.7+k3s1', releases)).toEqual(['1.30.8+k3s1', '1.31.2+k3s1', '1.32.7+k3s1']);
  });

  describe('of a product with numbers of its own', () => {
    const inside = (version: string, counter: number, kubernetes: string, more: Partial<Release> = {}): Release =>
      release(counter, { version, distribution: { version: kubernetes }, ...more });
    const product = [
      inside('2026.1.0', 1, '1.30.4+k3s1'),
      inside('2026.2.0', 2, '1.31.2+k3s1'),
      inside('2026.3.0', 3, '1.31.9-rc1+k3s1'),
      inside('2026.9.0', 4, '1.31.9+k3s1'),
      inside('2026.9.1', 5, '1.32.1+k3s1'),
    ];

    it('goes by the Kubernetes inside', () => {
      expect(journey('2026.1.0', '2026.9.1', product)).toEqual(['2026.9.0', '2026.9.1']);
      expect(textOf(hop('2026.2.0', '2026.9.1', {}, product))).toBe('2026.9.1 goal');
      const without = product.filter(({ counter }) => counter === 1 || counter === 5);
      expect(textOf(hop('2026.1.0', '2026.9.1', {}, without))).toBe('missing 1.31 skew');
    });

    it('leads over a floor that is a number of K3s', () => {
      const floored = [...product.slice(0, 4), inside('2026.9.1', 5, '1.32.1+k3s1', { floors: ['1.31.2+k3s1'] })];
      expect(journey('2026.1.0', '2026.9.1', floored)).toEqual(['2026.2.0', '2026.9.1']);
      const lacking = floored.filter(({ counter }) => counter !== 2);
      expect(textOf(hop('2026.1.0', '2026.9.1', {}, lacking))).toBe('missing 1.31.2+k3s1 floor');
    });

    it('goes by its own numbers where one end does not tell', () => {
      const older = [release(1, { version: '2025.1.0' }), ...product.slice(3)];
      expect(textOf(hop('2025.1.0', '2026.9.1', {}, older))).toBe('2026.9.1 goal');
      expect(textOf(hop('1.30.0', '2026.9.1', { maxMinorStep: 1 }, product))).toBe('2026.9.1 goal');
    });

    it('does not go in a circle where floors of two numberings name each other', () => {
      const circle = [
        inside('1.0.0', 1, '1.30.0+k3s1'),
        inside('3.0.0', 2, '1.31.1+k3s1', { floors: ['2.0.0'] }),
        inside('2.0.0', 3, '1.31.3+k3s1', { floors: ['1.31.1+k3s1'] }),
        inside('4.0.0', 4, '1.31.4+k3s1', { floors: ['1.31.1+k3s1'] }),
      ];
      expect(textOf(hop('1.0.0', '4.0.0', {}, circle))).toBe('missing 1.31.1+k3s1 floor');
    });
  });

  it('ends at a floor that the store lacks', () => {
    const releases = [k3s('1.31.2', 1), k3s('1.32.7', 5, { floors: ['1.32.0+k3s1'] })];
    expect(textOf(hop('1.31.2+k3s1', '1.32.7+k3s1', {}, releases))).toBe('missing 1.32.0+k3s1 floor');
  });

  it('takes no preview, nothing of another platform, and nothing that would bar the goal', () => {
    const releases = [
      release(2, { version: '1.31.0-rc1+k3s1' }),
      k3s('1.31.5', 3, { platform: 'linux/arm64' }),
      k3s('1.31.9', 9),
      k3s('1.32.7', 5),
    ];
    expect(textOf(hop('1.30.4+k3s1', '1.32.7+k3s1', {}, releases))).toBe('missing 1.31 skew');
  });

  it('never jumps a floor or a minor version, always goes up, and arrives', () => {
    const patches = fc.array(fc.nat(3), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(patches, fc.subarray([1, 2, 3, 4]), (patch, floored) => {
        const releases = patch.map((number, minor) => k3s(`1.${minor}.${number}`, minor + 1));
        const versions = releases.map(({ version }) => version);
        const goal = { ...(releases[5] as Release), floors: floored.map((minor) => versions[minor] as string) };
        const path = journey(versions[0] as string, goal.version, [...releases.slice(0, 5), goal]);
        let current = versions[0] as string;
        for (const next of path) {
          expect(compareVersions(next, current)).toBeGreaterThan(0);
          expect(semver.minor(next) - semver.minor(current)).toBeLessThanOrEqual(1);
          const jumped = goal.floors.filter(
            (floor) => compareVersions(floor, current) > 0 && compareVersions(floor, next) < 0,
          );
          expect(jumped).toEqual([]);
          current = next;
        }
        expect(current).toBe(goal.version);
      }),
    );
  });
});
