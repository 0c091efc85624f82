import { describe, expect, it } from 'vitest';
import { encodeManifest, targetPath } from '../../../contract/release/manifest.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const immutable = 'public, max-age=31536000, immutable';

describe('metadata over HTTP', () => {
  it('lets a device verify the repository and find a release', async () => {
    await using small = await SmallFleet.open();
    const release = smallRelease('1.0.0', 1);
    await small.publish(release);
    const trusted = await refreshTrust({
      known: small.repository.pinned,
      fetch: async (name) => {
        const answer = await small.ask('GET', `/v1/metadata/${name}`);
        return answer.statusCode === 404 ? undefined : answer.rawPayload;
      },
      now: new Date(small.now),
    });
    const { bytes, sha256 } = encodeManifest(release);
    expect((await trusted.findTarget(targetPath(release)))?.hashes).toEqual({ sha256 });
    const manifest = await small.ask('GET', `/v1/targets/${sha256}.release.json`);
    expect(manifest.rawPayload.equals(bytes)).toBe(true);
    expect([manifest.headers.etag, manifest.headers['cache-control']]).toEqual([`"${sha256}"`, immutable]);
  });

  it('is kept by caches for ever, but for the timestamp', async () => {
    await using small = await SmallFleet.open();
    for (const name of ['1.root.json', '1.snapshot.json', '1.targets.json']) {
      expect((await small.ask('GET', `/v1/metadata/${name}`)).headers['cache-control']).toBe(immutable);
    }
    expect((await small.ask('GET', '/v1/metadata/timestamp.json')).headers['cache-control']).toBe('no-cache');
  });

  it('answers 304 for a timestamp that the client has, and 200 once another is published', async () => {
    await using small = await SmallFleet.open();
    const first = await small.ask('GET', '/v1/metadata/timestamp.json');
    const again = () =>
      small.app.inject({
        url: '/v1/metadata/timestamp.json',
        headers: { 'if-none-match': String(first.headers.etag) },
      });
    expect((await again()).statusCode).toBe(304);
    await small.publish(smallRelease('1.0.0', 1));
    expect((await again()).statusCode).toBe(200);
  });

  it.each([
    '/v1/metadata/2.root.json',
    '/v1/metadata/..%2f..%2fstate%2ffleet.sqlite',
    '/v1/metadata/../../state/fleet.sqlite',
    '/v1/metadata/timestamp.json%00',
    '/v1/metadata/',
    '/v1/metadata/constructor',
    '/v1/targets/x.release.json',
    `/v1/targets/${'a'.repeat(64)}.release.json`,
    '/v1/targets/..%2fmetadata%2ftimestamp.json',
  ])('%s is not found, and no cache keeps that', async (url) => {
    await using small = await SmallFleet.open();
    const answer = await small.ask('GET', url);
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not-found']);
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});
