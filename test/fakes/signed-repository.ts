/**
 * A TUF repository in memory, signed by the packager's own code, whose owner (or attacker) holds every key: a state is
 * published, changed, mixed and served through `fetch`.
 */
import { type MetaFile, Root, type Targets } from '@tufjs/models';
import { sha256 } from '../../contract/digest.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { encodeManifest, targetPath } from '../../contract/release/manifest.ts';
import type { FetchMetadata, MetadataSet } from '../../contract/trust/trusted-set.ts';
import { createRoot, createTargets } from '../../packager/repository/offline-roles.ts';
import { type ListedRelease, productTargets } from '../../packager/repository/product-role.ts';
import { nextSnapshot, nextTimestamp } from '../../system/signing/online-roles.ts';
import { describeDocument, type SignedDocument, signDocument } from '../../system/signing/signed-document.ts';
import { generateKeyPair, isSigningKey, parseKey, type SigningKey } from '../../system/signing/signing-key.ts';

export function newSigningKey(): SigningKey {
  const key = parseKey(generateKeyPair().privatePem, 'a test key');
  if (!isSigningKey(key)) throw new Error('a private key cannot sign');
  return key;
}

export const product = 'k3s-edge';

export class SignedRepository {
  readonly keys = {
    root: newSigningKey(),
    targets: newSigningKey(),
    product: newSigningKey(),
    online: newSigningKey(),
    permits: newSigningKey(),
    offline: newSigningKey(),
  };
  /** What a client can fetch, by name. Open to tampering. */
  readonly files = new Map<string, Uint8Array>();
  readonly root: SignedDocument<Root>;
  targets: SignedDocument<Targets>;
  /** Versions of product, snapshot and timestamp, moved on by each publish. */
  version = 0;
  #releases: ListedRelease[] = [];
  readonly #products: readonly string[];

  /** @param others products besides, with the same key */
  constructor(now: Date, others: readonly string[] = []) {
    this.#products = [product, ...others];
    const one = (key: SigningKey) => ({ keys: [key], threshold: 1 });
    const { root, targets, product: ci, online, permits, offline } = this.keys;
    this.root = createRoot({ root: one(root), targets: one(targets), online: one(online) }, now, true);
    const products = new Map(this.#products.map((name) => [name, one(ci)]));
    const delegated = { products, permits: one(permits), offline: one(offline) };
    this.targets = createTargets(delegated, one(targets), now);
    this.files.set('1.root.json', this.root.bytes);
    this.files.set('1.targets.json', this.targets.bytes);
    this.publish(now);
  }

  /** Signs the next targets role, whose permits are those of `key` alone, and publishes it. */
  delegatePermitsTo(key: SigningKey, now: Date): void {
    const one = (signer: SigningKey) => ({ keys: [signer], threshold: 1 });
    const delegated = { products: new Map([[product, one(this.keys.product)]]), permits: one(key) };
    const version = this.targets.signed.version + 1;
    this.targets = createTargets(delegated, one(this.keys.targets), now, version);
    this.files.set(`${version}.targets.json`, this.targets.bytes);
    this.publish(now);
  }

  /** Signs the next root, in which another key signs what is online, and publishes by that key from now on. */
  rotateOnline(now: Date): void {
    const one = (key: SigningKey) => ({ keys: [key], threshold: 1 });
    const { root, targets } = this.keys;
    this.keys.online = newSigningKey();
    const made = createRoot({ root: one(root), targets: one(targets), online: one(this.keys.online) }, now, true);
    const { keys, roles, expires, specVersion, consistentSnapshot, unrecognizedFields } = made.signed;
    const next = new Root({
      ...{ keys, roles, expires, specVersion, consistentSnapshot, unrecognizedFields },
      version: 2,
    });
    this.files.set('2.root.json', signDocument('root', next, [root]).bytes);
    this.publish(now);
  }

  /** Signs the next product role, snapshot and timestamp; with `release`, it is added to the product. */
  publish(now: Date, release?: ReleaseManifest, channels: string[] = ['stable']): void {
    this.publishAll(now, release ? [release] : [], channels);
  }

  /** As `publish`, with any number of releases at once. */
  publishAll(now: Date, releases: readonly ReleaseManifest[], channels: string[] = ['stable']): void {
    this.version += 1;
    for (const release of releases) {
      const { bytes, sha256: manifestSha256 } = encodeManifest(release);
      const custom = { counter: release.counter, channels };
      const { product: name, platform, version } = release;
      const named = { path: targetPath(release), product: name, platform, version };
      this.#releases.push({ ...named, custom, manifestSha256, manifestLength: bytes.length });
    }
    const meta: Record<string, MetaFile> = { 'targets.json': describeDocument(this.targets) };
    for (const name of this.#products) {
      // One of no product here is in the first role, which may not name it.
      const roleOf = (release: ListedRelease) => (this.#products.includes(release.product) ? release.product : product);
      const own = this.#releases.filter((release) => roleOf(release) === name);
      const ci = signDocument(name, productTargets(own, this.version, now), [this.keys.product]);
      this.files.set(`${this.version}.${name}.json`, ci.bytes);
      meta[`${name}.json`] = describeDocument(ci);
    }
    const snapshot = signDocument('snapshot', nextSnapshot(meta, this.version, now), [this.keys.online]);
    this.files.set(`${this.version}.snapshot.json`, snapshot.bytes);
    const timestamp = signDocument('timestamp', nextTimestamp(describeDocument(snapshot), this.version, now), [
      this.keys.online,
    ]);
    this.files.set('timestamp.json', timestamp.bytes);
  }

  /** Signs for a release whose manifest no packager of ours would write. */
  publishForged(now: Date, release: ReleaseManifest, bytes: Uint8Array): void {
    const { counter, platform, version } = release;
    const [path, custom] = [targetPath(release), { counter, channels: ['stable'] }];
    const digest = { manifestSha256: sha256(bytes), manifestLength: bytes.length };
    this.#releases.push({ path, product, platform, version, custom, ...digest });
    this.publish(now);
  }

  readonly fetch: FetchMetadata = async (name) => this.files.get(name);

  /** What a new device has: the pinned root. */
  get pinned(): MetadataSet {
    return new Map([['root', this.root.bytes]]);
  }

  /** A copy of what is served now, for an attacker to bring back later. */
  capture(): Map<string, Uint8Array> {
    return new Map(this.files);
  }

  /** Serves exactly these files from now on. */
  restore(files: ReadonlyMap<string, Uint8Array>): void {
    this.files.clear();
    for (const [name, bytes] of files) this.files.set(name, bytes);
  }
}

/** A release with one small component. */
export function smallRelease(version: string, counter: number): ReleaseManifest {
  const content = Buffer.from(`server ${version}`);
  const digest = sha256(content);
  return {
    schemaVersion: 1,
    product,
    platform: 'linux/amd64',
    version,
    counter,
    floors: [],
    components: [
      {
        name: 'server',
        kind: 'binary',
        installPath: 'bin/server',
        mode: '0755',
        length: content.length,
        sha256: digest,
        blobs: [{ encoding: 'identity', length: content.length, sha256: digest }],
        deltas: [],
      },
    ],
  };
}
