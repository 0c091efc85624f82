import { expect, it } from 'vitest';
import { encodeManifest, type ReleaseManifest, targetPath } from '../../../contract/release/manifest.ts';
import { type AcceptingDevice, acceptRelease } from '../../../edge-updater/update/acceptance.ts';
import { blankState, type DeviceState } from '../../../edge-updater/update/state.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { at, inPhase } from './states.ts';

const device = { product, platform: 'linux/amd64', updaterVersion: '0.1.0' } as const;
const release = smallRelease('3.0.0', 3);

function accept(
  change: Partial<ReleaseManifest> = {},
  state: DeviceState = inPhase('idle'),
  path?: string,
  counter?: number,
  on: AcceptingDevice = device,
) {
  const manifest = { ...release, ...change };
  acceptRelease(
    {
      manifest,
      manifestSha256: encodeManifest(manifest).sha256,
      path: path ?? targetPath(manifest),
      custom: { counter: counter ?? manifest.counter, channels: [] },
    },
    on,
    state,
  );
}

it('accepts the next release', () => {
  expect(() => accept()).not.toThrow();
});

it.each<[string, string, () => void]>([
  [
    'of another version than its name',
    'manifest-mismatched',
    () => accept({}, undefined, targetPath(smallRelease('4.0.0', 4))),
  ],
  ['with another counter than was signed', 'manifest-mismatched', () => accept({}, undefined, undefined, 4)],
  ['of another product', 'manifest-mismatched', () => accept({ product: 'other' })],
  ['for another platform', 'platform-mismatch', () => accept({ platform: 'linux/arm64' })],
  ['for a newer updater', 'updater-too-old', () => accept({ minUpdaterVersion: '0.2.0' })],
  ['with the counter that is committed', 'counter-not-greater', () => accept({ counter: 2 })],
  ['that jumps over a floor', 'floor-skipped', () => accept({ floors: ['2.5.0'] })],
])('refuses a release %s: %s', (_, code, act) => {
  expect(act).toThrow(expect.objectContaining({ code }));
});

it('minds only floors between the two releases, and none on a first install', () => {
  expect(() => accept({ floors: ['1.5.0', '2.0.0', '3.0.0', '4.0.0'] })).not.toThrow();
  expect(() => accept({ floors: ['2.5.0'] }, blankState)).not.toThrow();
});

it('minds floors that are numbers of K3s by the K3s inside', () => {
  const change = {
    ...{ schemaVersion: 2 as const, minUpdaterVersion: '0.2.0', floors: ['1.32.5+k3s1'] },
    distribution: { name: 'k3s' as const, version: '1.33.9+k3s1', component: 'server' },
  };
  const on = (running: string | undefined) => () =>
    accept(change, inPhase('idle'), undefined, undefined, {
      ...{ ...device, updaterVersion: '0.2.0' },
      distribution: running === undefined ? undefined : { version: running },
    });
  expect(on('1.31.4+k3s1')).toThrow(expect.objectContaining({ code: 'floor-skipped' }));
  expect(on('1.32.5+k3s1')).not.toThrow();
  expect(on(undefined)).not.toThrow();
});

it('accepts a release that is known here at the very counter that was committed, and below it nothing', () => {
  const { sha256 } = encodeManifest(release);
  const state = { ...inPhase('idle'), counterFloor: 3, known: [sha256] };
  expect(() => accept({}, state)).not.toThrow();
  const refused = expect.objectContaining({ code: 'counter-not-greater' });
  expect(() => accept({}, { ...state, counterFloor: 4 })).toThrow(refused);
  expect(() => accept({ version: '3.0.1' }, state)).toThrow(refused);
  const rejected = [{ manifestSha256: sha256, version: '3.0.0', at }];
  expect(() => accept({}, { ...state, rejected })).toThrow(expect.objectContaining({ code: 'release-rejected' }));
});

it('refuses a release that was rolled back here before', () => {
  const { sha256 } = encodeManifest(release);
  const state = { ...inPhase('idle'), rejected: [{ manifestSha256: sha256, version: '3.0.0', at }] };
  expect(() => accept({}, state)).toThrow(expect.objectContaining({ code: 'release-rejected' }));
});
