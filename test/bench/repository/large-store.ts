/** Makes a store whose one product has many small releases, each with a manifest of its own. */
import { mkdir } from 'node:fs/promises';
import { encodeManifest, type ReleaseManifest, targetPath } from '../../../contract/release/manifest.ts';
import { manifestKey } from '../../../contract/store-keys.ts';
import { commitChanges } from '../../../packager/publish/commit.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import type { ListedRelease } from '../../../packager/repository/product-role.ts';
import { loadRepository } from '../../../packager/repository/state.ts';
import type { SigningKey } from '../../../system/signing/signing-key.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import { newSigningKey, product, smallRelease } from '../../fakes/signed-repository.ts';

export interface LargeStore {
  readonly folder: string;
  readonly root: Uint8Array;
  readonly keys: readonly SigningKey[];
}

export async function largeStore(folder: string, releases: number, now: Date): Promise<LargeStore> {
  await mkdir(folder, { recursive: true });
  const store = directoryWriter(folder);
  const [offline, ci, online] = [newSigningKey(), newSigningKey(), newSigningKey()];
  const one = (key: SigningKey) => ({ keys: [key], threshold: 1 });
  const roles = { root: one(offline), targets: one(offline), online: one(online) };
  const root = await createRepository(store, { ...roles, products: new Map([[product, one(ci)]]) }, now, true);
  const listed: ListedRelease[] = [];
  for (const release of manyReleases(releases)) {
    const { bytes, sha256 } = encodeManifest(release);
    await store.putNew(manifestKey(sha256), bytes);
    const { platform, version, counter } = release;
    const custom = { counter, channels: [] };
    const digest = { manifestSha256: sha256, manifestLength: bytes.length };
    listed.push({ path: targetPath(release), product, platform, version, custom, ...digest });
  }
  const [state, keys] = [await loadRepository(store), [ci, online]];
  const changes = new Map([[product, { releases: listed }]]);
  await commitChanges(store, { state, changes, keys, now, check: async () => undefined });
  return { folder, root: root.bytes, keys };
}

/** As K3s counts them. */
export function manyReleases(count: number): ReleaseManifest[] {
  return Array.from({ length: count }, (_, at) => smallRelease(`1.${30 + (at % 8)}.${at}-k3s1.edge.${at}`, at + 1));
}
