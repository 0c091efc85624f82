/** Attacks of whoever carries the bytes and holds no key: a distributor, a store, a CDN, a proxy, somebody on the wire. */
import { zstdCompressSync } from 'node:zlib';
import { describe, it } from 'vitest';
import type { Digest } from '../../../contract/digest.ts';
import { bytesOf } from '../../fakes/edge-device.ts';
import { product, SignedRepository, smallRelease } from '../../fakes/signed-repository.ts';
import { type Attack, type Scene, withstand } from './attacked-device.ts';

const page = Buffer.from('<html><body>Please accept the terms of this hotel</body></html>');

/** Names of the documents that 2.0.0 brought. */
const names = (edge: Scene['edge']) => {
  const { version } = edge.repository;
  return { timestamp: 'timestamp.json', snapshot: `${version}.snapshot.json`, role: `${version}.${product}.json` };
};
type Name = keyof ReturnType<typeof names>;

const serve =
  (name: Name, change: (bytes: Uint8Array) => Uint8Array): Attack[2] =>
  ({ edge }) => {
    const file = names(edge)[name];
    edge.repository.files.set(file, change(edge.repository.files.get(file) ?? new Uint8Array()));
  };
const withhold =
  (name: Name): Attack[2] =>
  ({ edge }) =>
    void edge.repository.files.delete(names(edge)[name]);
const flipped = (bytes: Uint8Array) =>
  Buffer.from(bytes).map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte));
const digitChanged = (bytes: Uint8Array) =>
  Buffer.from(Buffer.from(bytes).toString().replace('"version":', '"version":1'));
const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
const longer = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc(1024, ' ')]);

const offer =
  (targetPath: string, version = '2.0.0', counter = 2): Attack[2] =>
  ({ edge }) => {
    const named = { rollout: 'r', wave: 'all', targetPath, version, counter };
    edge.server.answer = { decision: 'update', reason: 'rollout-open', offer: named };
  };
const manifest =
  (change: (bytes: Uint8Array) => Uint8Array | undefined): Attack[2] =>
  ({ edge, second }) => {
    const bytes = change(edge.server.manifests.get(second.digest) ?? new Uint8Array());
    if (bytes) edge.server.manifests.set(second.digest, bytes);
    else edge.server.manifests.delete(second.digest);
  };
/** Changes the first blob of 2.0.0, or the last one, which is compressed. */
const blob =
  (which: 0 | -1, change: (bytes: Uint8Array, scene: Scene) => Uint8Array | undefined): Attack[2] =>
  (scene) => {
    const { edge, second } = scene;
    const digest = second.manifest.components.at(which)?.blobs[0]?.sha256 as Digest;
    const bytes = change(edge.server.blobs.get(digest) ?? new Uint8Array(), scene);
    if (bytes) edge.server.blobs.set(digest, bytes);
    else edge.server.blobs.delete(digest);
  };

const metadata: readonly Attack[] = [
  ['a bit of the timestamp flipped', 'metadata-malformed', serve('timestamp', flipped)],
  [
    'the timestamp with a higher version and the old signature',
    'metadata-signature-invalid',
    serve('timestamp', digitChanged),
  ],
  ['the timestamp cut', 'metadata-malformed', serve('timestamp', cut)],
  ['a page of a portal as timestamp', 'metadata-malformed', serve('timestamp', () => page)],
  ['an empty timestamp', 'metadata-malformed', serve('timestamp', () => Buffer.alloc(0))],
  ['a timestamp without end', 'metadata-too-large', serve('timestamp', () => Buffer.alloc(64 * 1024, ' '))],
  [
    'a timestamp of ten thousand nested arrays',
    'metadata-malformed',
    serve('timestamp', () => Buffer.from('['.repeat(8000))),
  ],
  ['no timestamp', 'metadata-missing', withhold('timestamp')],
  ['a bit of the snapshot flipped', 'metadata-malformed', serve('snapshot', flipped)],
  ['the snapshot cut', 'metadata-malformed', serve('snapshot', cut)],
  ['a longer snapshot than was signed', 'metadata-too-large', serve('snapshot', longer)],
  ['a page of a portal as snapshot', 'metadata-malformed', serve('snapshot', () => page)],
  ['no snapshot', 'metadata-missing', withhold('snapshot')],
  ['a bit of the role of the product flipped', 'metadata-mismatched', serve('role', flipped)],
  ['the role of the product cut', 'metadata-malformed', serve('role', cut)],
  ['a longer role of the product than was signed', 'metadata-too-large', serve('role', longer)],
  ['no role of the product', 'metadata-missing', withhold('role')],
  [
    'the whole repository of somebody else',
    'metadata-signature-invalid',
    ({ edge }) => {
      const other = new SignedRepository(new Date(edge.clock.now()));
      for (let version = 1; version < 9; version++)
        other.publish(new Date(edge.clock.now()), smallRelease(`${version}.0.0`, version));
      edge.repository.restore(other.files);
    },
  ],
  [
    'a root of somebody else as the next root',
    'metadata-signature-invalid',
    ({ edge }) => {
      const other = new SignedRepository(new Date(edge.clock.now()));
      edge.repository.files.set(
        '2.root.json',
        Buffer.from(Buffer.from(other.root.bytes).toString().replace('"version":1}', '"version":2}')),
      );
    },
  ],
  [
    'the first root again as the next one',
    'metadata-rolled-back',
    ({ edge }) => void edge.repository.files.set('2.root.json', edge.repository.root.bytes),
  ],
  [
    'a page of a portal as the next root',
    'metadata-malformed',
    ({ edge }) => void edge.repository.files.set('2.root.json', page),
  ],
  [
    'a root without end',
    'metadata-too-large',
    ({ edge }) => void edge.repository.files.set('2.root.json', Buffer.alloc(600 * 1024, ' ')),
  ],
  [
    'a state that is older than the accepted one',
    'metadata-rolled-back',
    ({ edge, oldest }) => edge.repository.restore(oldest),
  ],
  ['the snapshot of the state before', 'metadata-mismatched', ({ edge }) => swapWithBefore(edge, 'snapshot')],
  ['the role of the state before', 'metadata-mismatched', ({ edge }) => swapWithBefore(edge, product)],
  ['the same metadata for ever (freeze)', 'metadata-expired', ({ edge }) => edge.clock.advance(3 * 24 * 3600)],
];

function swapWithBefore(edge: Scene['edge'], role: string): void {
  const { version, files } = edge.repository;
  files.set(`${version}.${role}.json`, files.get(`${version - 1}.${role}.json`) ?? new Uint8Array());
}

const offers: readonly Attack[] = [
  ['a release that nobody signed', 'target-unknown', offer(`${product}/linux-amd64/9.0.0/release.json`, '9.0.0', 9)],
  ['the release before, by its path', 'counter-not-greater', offer(`${product}/linux-amd64/1.0.0/release.json`)],
  ['a path that leads out', 'target-unknown', offer(`${product}/../../etc/release.json`)],
  ['a path named like a property of objects', 'target-unknown', offer('__proto__')],
  ['a path of another product', 'target-unknown', offer('k0s-edge/linux-amd64/2.0.0/release.json')],
  ['a path with an end of a string in it', 'target-unknown', offer(`${product}/linux-amd64/2.0.0\0/release.json`)],
  ['no manifest', 'blob-missing', manifest(() => undefined)],
  ['a bit of the manifest flipped', 'digest-mismatch', manifest(flipped)],
  ['a manifest cut', 'length-mismatch', manifest(cut)],
  ['a longer manifest', 'length-mismatch', manifest(longer)],
  ['a page of a portal as manifest', 'length-mismatch', manifest(() => page)],
  [
    'the manifest of the release before',
    'digest-mismatch',
    ({ edge, first, second }) =>
      void edge.server.manifests.set(second.digest, edge.server.manifests.get(first.digest) ?? new Uint8Array()),
  ],
];

const blobs: readonly Attack[] = [
  ['no blob', 'blob-missing', blob(0, () => undefined)],
  ['an empty blob', 'download-no-progress', blob(0, () => new Uint8Array())],
  ['a bit of a blob flipped', 'digest-mismatch', blob(0, flipped)],
  ['a blob cut', 'download-no-progress', blob(0, cut)],
  ['a longer blob', 'download-no-progress', blob(0, longer)],
  ['a page of a portal as blob', 'download-no-progress', blob(0, () => page)],
  [
    'the blob of the release before',
    'digest-mismatch',
    blob(0, (_, { edge, first }) => edge.server.blobs.get(first.manifest.components[0]?.blobs[0]?.sha256 as Digest)),
  ],
  ['other software in a blob of the same length', 'digest-mismatch', blob(0, (bytes) => bytesOf('evil', bytes.length))],
  ['a bit of a compressed blob flipped', 'digest-mismatch', blob(-1, flipped)],
  [
    'a bomb as compressed blob',
    'download-no-progress',
    blob(-1, () => zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))),
  ],
  [
    'a bomb of the signed length',
    'digest-mismatch',
    blob(-1, (bytes) => paddedTo(zstdCompressSync(Buffer.alloc(8 * 1024 * 1024)), bytes.length)),
  ],
];

function paddedTo(bytes: Uint8Array, length: number): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(length - bytes.length, 0))]).subarray(0, length);
}

describe('metadata', () => void it.each(metadata)('%s: %s', (_, code, act) => withstand(code, act)));
describe('an offer', () => void it.each(offers)('%s: %s', (_, code, act) => withstand(code, act)));
describe('a blob', () => void it.each(blobs)('%s: %s', (_, code, act) => withstand(code, act)));
