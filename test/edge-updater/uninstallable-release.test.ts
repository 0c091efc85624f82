/** A release that is signed and that no device could install or leave: refused before a byte of its blobs is asked for. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { sha256 } from '../../contract/digest.ts';
import { type Component, type ReleaseManifest, targetPath } from '../../contract/release/manifest.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';

let edge: EdgeDevice;
let good: ReleaseManifest;
beforeEach(() => {
  edge = new EdgeDevice();
  good = edge.publish('1.0.0', 1, [{ path: 'bin', bytes: bytesOf('1', 4000) }]).manifest;
});
afterEach(() => edge.remove());

const next = (change: Partial<ReleaseManifest>) => ({ ...good, version: '2.0.0', counter: 2, ...change });
const at = (...installPaths: string[]) => {
  const [component] = good.components as [Component];
  return next({ components: installPaths.map((installPath, n) => ({ ...component, name: `c${n}`, installPath })) });
};
const canonical = (manifest: ReleaseManifest) => [manifest, canonicalJson(manifest)] as const;
const otherwise = (text: string) => [next({}), Buffer.from(text)] as const;

it.each<[string, () => readonly [ReleaseManifest, Uint8Array]]>([
  ['a component below release.json', () => canonical(at('release.json/x'))],
  ['a component that is RELEASE.JSON', () => canonical(at('RELEASE.JSON'))],
  ['a segment of 300 characters', () => canonical(at(`bin/${'x'.repeat(300)}`))],
  ['a path out of its slot', () => canonical(at('../bin'))],
  ['a file inside another', () => canonical(at('bin', 'bin/x'))],
  ['a counter that nothing can follow', () => canonical(next({ counter: Number.MAX_SAFE_INTEGER }))],
  ['no component', () => canonical(next({ components: [] }))],
  ['a manifest with spaces', () => otherwise(JSON.stringify(next({}), null, 1))],
  [
    'a manifest with its keys in another order',
    () => otherwise(JSON.stringify(Object.fromEntries(Object.entries(next({})).reverse()))),
  ],
  ['a manifest with a key twice', () => otherwise(JSON.stringify(next({})).replace('{', '{"counter":9,'))],
])('of %s', async (_, forge) => {
  const [manifest, bytes] = forge();
  edge.repository.publishForged(new Date(edge.clock.now()), manifest, bytes);
  edge.server.manifests.set(sha256(bytes), bytes);
  const { version, counter } = manifest;
  const offer = { rollout: 'test', wave: 'all', targetPath: targetPath(manifest), version, counter };
  edge.server.answer = { decision: 'update', reason: 'rollout-open', offer };
  const openBlob = () => Promise.reject(new Error('a blob was asked for'));
  const device = edge.start({ blobs: { openBlob } });
  await device.recover(never);
  await expect(device.check(never)).rejects.toMatchObject({ code: 'manifest-malformed' });
  expect(device.state.update.phase).toBe('idle');
  expect([...edge.server.reports.values()]).toMatchObject([{ code: 'manifest-malformed', version: '2.0.0' }]);
});
