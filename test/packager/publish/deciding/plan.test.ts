import { describe, expect, it } from 'vitest';
import type { ReleaseManifest } from '../../../../contract/release/manifest.ts';
import { planPublish, withChannelAt } from '../../../../packager/publish/deciding/plan.ts';
import type { ListedRelease } from '../../../../packager/repository/product-role.ts';

const digest = (fill: string) => fill.repeat(64);

function manifest(version: string, counter: number, sha256 = digest('a')): ReleaseManifest {
  const blobs = [{ encoding: 'identity' as const, length: 1, sha256 }];
  const component = { name: 'k3s', kind: 'binary' as const, installPath: 'bin/k3s', mode: '0755', length: 1, sha256 };
  const components = [{ ...component, blobs, deltas: [] }];
  return { schemaVersion: 1, product: 'edge', platform: 'linux/arm64', version, counter, floors: [], components };
}

function listed(version: string, counter: number, channels: string[], formerChannels?: string[]): ListedRelease {
  const custom = { counter, channels, ...(formerChannels ? { formerChannels } : {}) };
  const place = { path: `edge/linux-arm64/${version}/release.json`, product: 'edge', platform: 'linux/arm64' as const };
  return { ...place, version, custom, manifestSha256: digest('b'), manifestLength: 1 };
}

const request = (version: string, counter: number, channel = 'stable') => ({
  manifest: manifest(version, counter),
  channel,
  deltasFrom: 2,
});

describe('the plan of a publish', () => {
  it('adds the first release', () => {
    expect(planPublish(request('1.0.0', 1), [], undefined)).toEqual({ kind: 'add', bases: [] });
  });

  it('makes deltas from the newest releases that the channel had, and from no other', () => {
    const releases = [
      listed('1.0.0', 1, [], ['stable']),
      listed('1.1.0', 2, [], ['stable']),
      listed('1.2.0-rc.1', 3, ['beta']),
      listed('1.2.0', 4, ['stable']),
    ];
    const plan = planPublish(request('1.3.0', 5), releases, undefined);
    expect(plan).toMatchObject({ kind: 'add', bases: [{ version: '1.2.0' }, { version: '1.1.0' }] });
  });

  it('has nothing to do when the same content is in the channel', () => {
    const plan = planPublish(request('1.0.0', 1), [listed('1.0.0', 1, ['stable'])], manifest('1.0.0', 1));
    expect(plan.kind).toBe('nothing');
  });

  it('does not mind how the same content is packed', () => {
    const other = manifest('1.0.0', 1);
    const [component] = other.components;
    const repacked = { ...component, blobs: [{ encoding: 'zstd', length: 9, sha256: digest('c') }] };
    const stored = { ...other, components: [repacked] } as ReleaseManifest;
    expect(planPublish(request('1.0.0', 1), [listed('1.0.0', 1, ['stable'])], stored).kind).toBe('nothing');
  });

  it('moves another channel to a release that is listed', () => {
    const releases = [listed('1.0.0', 1, ['beta'])];
    expect(planPublish(request('1.0.0', 1), releases, manifest('1.0.0', 1)).kind).toBe('move-channel');
  });

  it.each([
    ['the same version with other content', request('1.0.0', 1), manifest('1.0.0', 1, digest('d')), 'version-exists'],
    ['an older version', request('0.9.0', 9), undefined, 'version-not-greater'],
    ['the same version in another spelling', request('v1.0.0', 9), undefined, 'version-not-greater'],
    ['an equal counter', request('1.1.0', 1), undefined, 'counter-not-greater'],
  ])('refuses %s', (_what, wanted, stored, code) => {
    const plan = () => planPublish(wanted, [listed('1.0.0', 1, ['stable'])], stored);
    expect(plan).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['the counter of a release in another channel', request('2.0.0', 4, 'beta'), 'counter-not-greater'],
    ['the counter of a release in no channel', request('2.0.0', 3, 'beta'), 'counter-not-greater'],
    ['a version of another channel in another spelling', request('v1.1.0', 9, 'beta'), 'version-exists'],
  ])('refuses %s', (_what, wanted, code) => {
    const releases = [listed('1.0.0', 3, [], ['stable']), listed('1.1.0', 4, ['stable'])];
    expect(() => planPublish(wanted, releases, undefined)).toThrow(expect.objectContaining({ code }));
  });

  it('takes a lower counter for a channel that is behind', () => {
    const releases = [listed('1.0.0', 10, ['old']), listed('2.0.0', 20, ['stable'])];
    expect(planPublish(request('1.0.1', 11, 'old'), releases, undefined).kind).toBe('add');
  });

  it('never moves a channel back to an older release that is listed', () => {
    const releases = [listed('1.0.0', 1, [], ['stable']), listed('1.1.0', 2, ['stable'])];
    const back = () => planPublish(request('1.0.0', 1), releases, manifest('1.0.0', 1));
    expect(back).toThrow(expect.objectContaining({ code: 'version-not-greater' }));
  });

  it('compares only with the same platform', () => {
    const other = { ...listed('2.0.0', 9, ['stable']), platform: 'linux/amd64' as const };
    expect(planPublish(request('1.0.0', 1), [other], undefined).kind).toBe('add');
  });
});

describe('the list after a publish', () => {
  it('has the channel at one release of a platform and remembers where it was', () => {
    const amd64 = {
      ...listed('1.0.0', 1, ['stable']),
      path: 'edge/linux-amd64/1.0.0/release.json',
      platform: 'linux/amd64' as const,
    };
    const before = [listed('1.0.0', 1, ['beta', 'stable']), amd64];
    const after = withChannelAt(before, listed('1.1.0', 2, []), 'stable');
    expect(after.map(({ version, platform, custom }) => [version, platform, custom])).toEqual([
      ['1.0.0', 'linux/arm64', { counter: 1, channels: ['beta'], formerChannels: ['stable'] }],
      ['1.0.0', 'linux/amd64', { counter: 1, channels: ['stable'] }],
      ['1.1.0', 'linux/arm64', { counter: 2, channels: ['stable'] }],
    ]);
  });
});
