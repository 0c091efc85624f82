/** Schema version 2 of release.json beside readers of version 1, and the updater that it asks for. */
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { toSlipwayError } from '../../../contract/errors.ts';
import { mayInstall } from '../../../contract/release/acceptance.ts';
import { decodeManifest, encodeManifest, type ReleaseManifest } from '../../../contract/release/manifest.ts';
import { updaterNeeded } from '../../../contract/release/schema-version.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';

const plain = smallRelease('1.0.0', 7);
const component = plain.components[0]?.name ?? '';
const distribution = { name: 'k3s', version: '1.33.9+k3s1', component, payload: 'a'.repeat(64) } as const;
const withK3s: ReleaseManifest = { ...plain, schemaVersion: 2, minUpdaterVersion: '0.2.0', distribution };

function codeOf(value: unknown): string {
  try {
    decodeManifest(canonicalJson(value));
    return 'accepted';
  } catch (error) {
    return toSlipwayError(error).code;
  }
}

/** As decodeManifest of updater 0.1.0 began: nothing else of the document was looked at before. */
function decodedBy010(bytes: Uint8Array): string {
  const { schemaVersion } = JSON.parse(new TextDecoder().decode(bytes));
  return typeof schemaVersion === 'number' && schemaVersion !== 1 ? 'manifest-schema-unknown' : 'looked at further';
}

describe('release.json of schema version 2', () => {
  it('survives being written and read', () => {
    expect(decodeManifest(encodeManifest(withK3s).bytes)).toEqual(withK3s);
    const refusing = { ...plain, schemaVersion: 2, minUpdaterVersion: '0.3.0', onRollback: 'refuse' } as const;
    expect(decodeManifest(encodeManifest(refusing).bytes)).toEqual(refusing);
  });

  it('is told from damage by an updater that does not know it, which is offered none', () => {
    expect(decodedBy010(encodeManifest(withK3s).bytes)).toBe('manifest-schema-unknown');
    const old = { platform: plain.platform, updaterVersion: '0.1.0', current: undefined, counterFloor: 0 };
    const device = { ...old, knows: false, rejects: false };
    expect(mayInstall(withK3s, device)).toEqual({ rule: 'updater', needed: '0.2.0' });
    expect(mayInstall(withK3s, { ...device, updaterVersion: '0.2.0' })).toBeUndefined();
  });

  it.each<[string, object]>([
    ['that says nothing new', { ...plain, schemaVersion: 2, minUpdaterVersion: '0.2.0' }],
    ['whose new members stand under version 1', { ...withK3s, schemaVersion: 1 }],
    ['without an updater that reads it', { ...withK3s, minUpdaterVersion: undefined }],
    ['for an updater that cannot read it', { ...withK3s, minUpdaterVersion: '0.1.9' }],
    ['of a distribution nobody knows', withDistribution({ name: 'rke2' })],
    ['whose version has a v', withDistribution({ version: 'v1.33.9+k3s1' })],
    ['whose version is of the other one', withDistribution({ version: '1.33.9+k0s.0' })],
    ['whose binary is no component', withDistribution({ component: 'other' })],
    ['whose payload is no hash', withDistribution({ payload: 'A'.repeat(64) })],
    ['of a K0s with a payload', withDistribution({ name: 'k0s', version: '1.33.9+k0s.0' })],
    ['with a member that nobody knows', withDistribution({ colour: 'red' })],
    ['with another way to go back', { ...withK3s, onRollback: 'perhaps' }],
  ])('is refused: one %s', (_, value) => {
    expect(codeOf(value)).toBe('manifest-malformed');
  });

  it('is refused where the binary is of another kind', () => {
    const components = plain.components.map((each) => ({ ...each, kind: 'file' }));
    expect(codeOf({ ...withK3s, components })).toBe('manifest-malformed');
  });

  it('asks for a newer updater where the release does', () => {
    expect(updaterNeeded(1, undefined)).toBeUndefined();
    expect(updaterNeeded(1, '0.1.5')).toBe('0.1.5');
    expect(updaterNeeded(2, '0.1.5')).toBe('0.2.0');
    expect(updaterNeeded(2, '0.10.0')).toBe('0.10.0');
  });
});

function withDistribution(change: object): object {
  return { ...withK3s, distribution: { ...distribution, ...change } };
}
