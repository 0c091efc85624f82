/** Packs one release of a store into one file that any transport can carry; see contract/bundle.ts. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { type Pack, pack } from 'tar-stream';
import { type BundleIndex, bundleGrantName, bundleIndexName } from '../../contract/bundle.ts';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Progress } from '../../contract/progress.ts';
import { blobKey, manifestKey, metadataKey, timestampKey } from '../../contract/store-keys.ts';
import type { Grant } from '../../contract/trust/grant.ts';
import { refreshTrust, type TrustedRepository } from '../../contract/trust/trusted-set.ts';
import { replaceFile } from '../../system/files/durable-file.ts';
import { objectStream } from '../../system/store/object-stream.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { type ListedRelease, listReleases } from '../repository/product-role.ts';
import { readManifest } from '../repository/release-manifests.ts';
import { fetchFrom, firstRoot } from '../repository/state.ts';
import { attachmentBlobs, checkBlob, distinctBlobs, expectedBlobs } from '../verify/check-blob.ts';
import { type GrantWish, makeGrant } from './make-grant.ts';
import { type ReleaseSelector, selectRelease } from './release-selector.ts';

interface BundleSummary {
  readonly targetPath: string;
  readonly version: string;
  readonly manifestSha256: string;
  readonly members: number;
  /** Bytes of full blobs. */
  readonly blobBytes: number;
  /** When a device stops to accept it, RFC 3339. */
  readonly expires: string;
  /** Of its offline grant. */
  readonly scope?: Grant['scope'];
}

interface BundleOrder {
  readonly store: StoreReader;
  readonly selector: ReleaseSelector;
  readonly file: string;
  /** Undefined: the store's own first root is believed. */
  readonly pinnedRoot: Uint8Array | undefined;
  /** The clock of this machine: a bundle of expired metadata would be refused by every device. */
  readonly now: Date;
  readonly progress: Progress;
  /** Undefined: without an offline grant. */
  readonly wish?: GrantWish | undefined;
  /** SBOMs and the like go along, which no device needs unless its owner asks for them. Absent: they do not. */
  readonly isWithAttachments?: boolean;
}

/**
 * Writes the file as a whole or not at all.
 * @throws SlipwayError `release-unknown`, and what verification and the store throw
 */
export async function writeBundle(order: BundleOrder): Promise<BundleSummary> {
  const { store, selector, file, pinnedRoot, now, progress, wish, isWithAttachments } = order;
  const root = pinnedRoot ?? (await firstRoot(store));
  const trusted = await refreshTrust({ known: new Map([['root', root]]), fetch: fetchFrom(store), now });
  const release = selectRelease(await listReleases(trusted, selector.product), selector);
  const { manifest, bytes } = await readManifest(store, release);
  const full = expectedBlobs(manifest).filter(({ component }) => component !== undefined);
  const blobs = distinctBlobs([...full, ...(isWithAttachments ? attachmentBlobs(manifest) : [])]);
  progress.expect(blobs.reduce((sum, { blob }) => sum + blob.length, 0));
  const grant = wish && makeGrant(trusted, release, wish, now);
  const index: BundleIndex = {
    schemaVersion: 1,
    product: release.product,
    platform: release.platform,
    version: release.version,
    manifestSha256: release.manifestSha256,
  };
  const roots = await allRoots(store, trusted.root.version);
  const small: [string, Uint8Array | undefined][] = [
    [bundleIndexName, canonicalJson(index)],
    ...roots.map((document, at): [string, Uint8Array] => [metadataKey('root', at + 1), document]),
    [timestampKey, trusted.documents.get('timestamp')],
    ...(await rolesTo(trusted, release)).map((role): [string, Uint8Array | undefined] => {
      const document = trusted.documents.get(role);
      return [metadataKey(role, versionIn(document)), document];
    }),
    ...(grant ? [[bundleGrantName, canonicalJson(grant)] as [string, Uint8Array]] : []),
    [manifestKey(release.manifestSha256), bytes],
  ];
  const tar = pack();
  const written = replaceFile(file, tar as AsyncIterable<Uint8Array>);
  const filled = (async () => {
    for (const [name, content] of small) await addBytes(tar, name, content ?? new Uint8Array());
    for (const expected of blobs) {
      const source = await objectStream(store, blobKey(expected.blob.sha256));
      await checkBlob(
        addStream(tar, blobKey(expected.blob.sha256), expected.blob.length, source),
        expected,
        progress.advance,
      );
    }
    tar.finalize();
  })().catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  const results = await Promise.allSettled([filled, written]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return {
    targetPath: release.path,
    version: release.version,
    manifestSha256: release.manifestSha256,
    members: small.length + blobs.length,
    blobBytes: blobs.reduce((sum, { blob }) => sum + blob.length, 0),
    expires: grant?.signed.expires ?? trusted.expires,
    ...(grant ? { scope: grant.signed.scope } : {}),
  };
}

/** The roles that a device reads on its way to a release, from snapshot on. */
async function rolesTo(trusted: TrustedRepository, { product, path }: ListedRelease): Promise<string[]> {
  const bins = (await trusted.delegatedTargets(product))?.delegations?.rolesForTarget(path) ?? [];
  return ['snapshot', 'targets', product, ...[...bins].map(({ role }) => role)];
}

/** Devices that pinned any root follow the chain from it, so the bundle carries all of them. */
async function allRoots(store: StoreReader, newest: number): Promise<Uint8Array[]> {
  const roots: Uint8Array[] = [];
  for (let version = 1; version <= newest; version++) {
    const found = await store.readWhole(metadataKey('root', version), limits.maxRootBytes);
    if (!found) throw new SlipwayError('metadata-missing', `the store has no version ${version} of root.json`);
    roots.push(found.bytes);
  }
  return roots;
}

function versionIn(document: Uint8Array | undefined): number {
  return JSON.parse(new TextDecoder().decode(document)).signed.version;
}

function header(name: string, size: number) {
  return { name, size, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), type: 'file' } as const;
}

async function addBytes(tar: Pack, name: string, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    tar.entry(header(name, bytes.length), Buffer.from(bytes), (error) => (error ? reject(error) : resolve()));
  });
}

/** Passes the bytes on to its reader, which checks them while they are written. */
async function* addStream(
  tar: Pack,
  name: string,
  length: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const entry = tar.entry(header(name, length)) as unknown as Writable;
  const closed = once(entry, 'close');
  for await (const chunk of source) {
    if (!entry.write(chunk)) await once(entry, 'drain');
    yield chunk;
  }
  entry.end();
  await closed;
}
