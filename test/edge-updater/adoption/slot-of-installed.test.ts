import { describe, expect, it } from 'vitest';
import { decodeManifest } from '../../../contract/release/manifest.ts';
import { slotOfInstalled } from '../../../edge-updater/adoption/slot-of-installed.ts';

const file = { product: 'k3s-edge', platform: 'linux/arm64', sha256: 'a'.repeat(64), length: 70_000_000 } as const;

describe('the slot of what is installed', () => {
  it.each([
    ['k3s', 'v1.33.9+k3s1', '1.33.9+k3s1', 'b'.repeat(64)],
    ['k0s', 'v1.33.9+k0s.0', '1.33.9+k0s.0', undefined],
  ] as const)('says which %s it is, and can be read again', (distribution, version, bare, payload) => {
    const installed = { distribution, version, payload, installPath: `bin/${distribution}` };
    const { release, manifestBytes } = slotOfInstalled(installed, file);
    expect(release).toMatchObject({ version: bare, counter: 1 });
    const manifest = decodeManifest(manifestBytes);
    expect(manifest).toMatchObject({ schemaVersion: 2, distribution: { name: distribution, version: bare } });
    expect(manifest.distribution?.payload).toBe(payload);
    expect(manifest.components).toMatchObject([{ installPath: `bin/${distribution}`, length: file.length }]);
  });

  it('of a build that is numbered otherwise says nothing that is not known', () => {
    const installed = { distribution: 'k3s', version: '1.33.9-own', installPath: 'bin/k3s' } as const;
    const { release, manifestBytes } = slotOfInstalled(installed, file);
    expect(release.version).toBe('1.33.9-own');
    expect(decodeManifest(manifestBytes)).toMatchObject({ schemaVersion: 1 });
  });
});
