/** A bundle that is weeks old, with an offline grant and without, at a box that has no network. */
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleGrantName, bundleIndexName, bundleMemberPattern } from '../../../contract/bundle.ts';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { blobKey, manifestKey } from '../../../contract/store-keys.ts';
import { grantBytes, type SignedGrant } from '../../../contract/trust/grant.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { installBundle, noOtherSource } from '../../../edge-updater/bundle/install-bundle.ts';
import { type GrantWish, makeGrant } from '../../../packager/bundle/make-grant.ts';
import { listReleases } from '../../../packager/repository/product-role.ts';
import { bytesOf, EdgeDevice, never } from '../../fakes/edge-device.ts';
import { newSigningKey, product } from '../../fakes/signed-repository.ts';

const daySeconds = 86_400;
type Release = ReturnType<EdgeDevice['publish']>;

let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
  edge.labels.site = 'ship-7';
  edge.server.isDown = true;
});
afterEach(() => edge.remove());

const publish = (version: string, counter: number) =>
  edge.publish(version, counter, [{ path: 'bin/server', bytes: bytesOf(version, 3000) }]);

async function grant(release: Release, wish: Partial<GrantWish> = {}): Promise<SignedGrant> {
  const { repository, clock } = edge;
  const now = new Date(clock.now());
  const trusted = await refreshTrust({ known: repository.pinned, fetch: repository.fetch, now });
  const releases = await listReleases(trusted, product);
  const listed = releases.find(({ manifestSha256 }) => manifestSha256 === release.digest);
  if (!listed) throw new Error('not published');
  return makeGrant(trusted, listed, { days: 90, scope: {}, keys: [repository.keys.offline], ...wish }, now);
}

type Members = [string, Uint8Array | string][];

/** As `slipway-packager bundle` orders it. */
function bundle({ manifest, digest }: Release, signed?: SignedGrant): Members {
  const { version, platform } = manifest;
  const index = { schemaVersion: 1, product, platform, version, manifestSha256: digest };
  return [
    [bundleIndexName, JSON.stringify(index)],
    ...[...edge.repository.files].map(([name, bytes]): Members[number] => [`metadata/${name}`, bytes]),
    ...(signed ? [[bundleGrantName, canonicalJson(signed)] as Members[number]] : []),
    [manifestKey(digest), edge.server.manifests.get(digest) ?? ''],
    ...manifest.components.map(({ blobs: [blob] }): Members[number] => {
      const name = blob?.sha256 ?? '';
      return [blobKey(name), edge.server.blobs.get(name) ?? ''];
    }),
  ];
}

async function install(members: Members) {
  const file = path.join(edge.folder, 'release.slipway');
  const tar = pack();
  for (const [name, content] of members) tar.entry({ name }, Buffer.from(content));
  tar.finalize();
  await pipeline(tar, createWriteStream(file));
  const device = edge.start({ blobs: noOtherSource });
  await device.recover(never);
  return installBundle(device, file, never, 3);
}

describe('a bundle that is 80 days old', () => {
  it.each([
    ['for all', {}],
    ['for this device', { deviceId: 'wt-1' }],
    ['for devices with its label', { label: { name: 'site', value: 'ship-7' } }],
  ])('is installed with a grant %s', async (_what, scope) => {
    const release = publish('1.0.0', 1);
    const members = bundle(release, await grant(release, { scope }));
    edge.clock.advance(80 * daySeconds);
    expect(await install(members)).toMatchObject({ outcome: 'committed', version: '1.0.0' });
  });

  it('is refused without a grant, and the box is told to fetch a newer one', async () => {
    const release = publish('1.0.0', 1);
    const members = bundle(release);
    edge.clock.advance(80 * daySeconds);
    await expect(install(members)).rejects.toMatchObject({
      ...{ code: 'metadata-expired', hint: expect.stringContaining('Fetch a newer bundle') },
    });
  });

  it.each<[string, Partial<GrantWish>, (grant: SignedGrant) => unknown, string]>([
    ['has ended', { days: 79 }, (made) => made, 'grant-expired'],
    ['is for another device', { scope: { deviceId: 'wt-2' } }, (made) => made, 'grant-not-for-device'],
    ['is for another group', { scope: { label: { name: 'site', value: 'ship-8' } } }, (m) => m, 'grant-not-for-device'],
    [
      'is for a label that it lacks',
      { scope: { label: { name: 'toString', value: '' } } },
      (m) => m,
      'grant-not-for-device',
    ],
    ['was made longer', { days: 79 }, longer, 'grant-invalid'],
    [
      'was made for all',
      { scope: { deviceId: 'wt-2' } },
      (m) => ({ ...m, signed: { ...m.signed, scope: {} } }),
      'grant-invalid',
    ],
    ['cannot be read', {}, () => ({ signed: {} }), 'grant-invalid'],
  ])('is refused where its grant %s', async (_what, wish, change, code) => {
    const release = publish('1.0.0', 1);
    const members = bundle(release, change(await grant(release, wish)) as SignedGrant);
    edge.clock.advance(80 * daySeconds);
    await expect(install(members)).rejects.toMatchObject({ code });
    expect(edge.slots.currentLink).toBeUndefined();
  });

  it.each([
    'permits',
    'product',
    'online',
    'stranger',
  ] as const)('is refused with a grant by the key of %s', async (who) => {
    const release = publish('1.0.0', 1);
    const { signed } = await grant(release);
    const key = who === 'stranger' ? newSigningKey() : edge.repository.keys[who];
    const forged = { signed, signatures: [{ keyid: key.keyId, sig: key.sign(grantBytes(signed)).sig }] };
    const members = bundle(release, forged);
    edge.clock.advance(80 * daySeconds);
    await expect(install(members)).rejects.toMatchObject({ code: 'grant-invalid' });
  });

  it('is refused once a newer one was installed: neither versions nor counters go back', async () => {
    const first = publish('1.0.0', 1);
    const old = bundle(first, await grant(first));
    const second = publish('2.0.0', 2);
    const newer = bundle(second, await grant(second));
    edge.clock.advance(80 * daySeconds);
    expect(await install(newer)).toMatchObject({ version: '2.0.0' });
    await expect(install(old)).rejects.toMatchObject({ code: 'metadata-rolled-back' });
    // The old release, by the newer state of the repository.
    const again = bundle(first).filter(([name]) => name !== bundleGrantName);
    const ofFirst = await grantLater(second);
    await expect(
      install([...again.slice(0, -2), [bundleGrantName, ofFirst], ...again.slice(-2)]),
    ).rejects.toMatchObject({
      code: 'grant-invalid',
    });
  });

  it('is refused with a grant of an older state of the repository', async () => {
    const first = publish('1.0.0', 1);
    const older = await grant(first);
    publish('2.0.0', 2);
    const members = bundle(first, older);
    edge.clock.advance(80 * daySeconds);
    await expect(install(members)).rejects.toMatchObject({ code: 'grant-invalid', message: /another state/ });
  });

  it('is refused where targets have ended, whatever a grant says', async () => {
    const release = publish('1.0.0', 1);
    await expect(grant(release, { days: 200 })).rejects.toMatchObject({ code: 'metadata-expired', message: /targets/ });
    const members = bundle(release, await grant(release, { days: 179 }));
    edge.clock.advance(185 * daySeconds);
    await expect(install(members)).rejects.toMatchObject({ code: 'metadata-expired' });
  });

  it('is installed with the clock at 1970 and not with one at 2050', async () => {
    const release = publish('1.0.0', 1);
    const members = bundle(release, await grant(release));
    edge.clock.jumpTo(Date.parse('2050-01-01T00:00:00Z'));
    await expect(install(members)).rejects.toMatchObject({ code: 'metadata-expired' });
    edge.clock.jumpTo(0);
    expect(await install(members)).toMatchObject({ outcome: 'committed' });
  });
});

it('updaters that know no grant read the bundle as before', () => {
  // The names that version 0.1 lets in.
  expect(bundleMemberPattern.test(bundleGrantName)).toBe(true);
});

function longer({ signed, signatures }: SignedGrant) {
  return { signed: { ...signed, expires: '2027-11-01T00:00:00.000Z' }, signatures };
}

/** A grant for one release, laid into the bundle of another. */
async function grantLater(granted: Release): Promise<Uint8Array> {
  const now = edge.clock.now();
  edge.clock.jumpTo(Date.parse('2026-12-01T00:00:00Z'));
  const made = await grant(granted);
  edge.clock.jumpTo(now);
  return canonicalJson(made);
}
