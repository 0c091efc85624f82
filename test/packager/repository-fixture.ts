/** A repository with one product and keys in memory, and a publisher of it in this process. */
import { mkdir } from 'node:fs/promises';
import { silentProgress } from '../../contract/progress.ts';
import { createRepository } from '../../packager/publish/create-repository.ts';
import { type PublishInput, publishRelease } from '../../packager/publish/publish.ts';
import { generateKeyPair, isSigningKey, parseKey, type SigningKey } from '../../system/signing/signing-key.ts';
import { directoryWriter } from '../../system/store/directory-writer.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import type { ReleaseOptions, Workbench } from './workbench.ts';

export function newKey(): SigningKey {
  const key = parseKey(generateKeyPair().privatePem, 'test');
  if (!isSigningKey(key)) throw new Error('expected a private key');
  return key;
}

/** Signs root and targets. */
export const offlineKey = newKey();
export const onlineKey = newKey();
export const productKey = newKey();
export const permitKey = newKey();

/** The instant at which fixtures are signed unless a test says otherwise. */
export const start = new Date('2026-01-01T00:00:00Z');
export const daysLater = (days: number) => new Date(start.getTime() + days * 86_400_000);

/** A repository of k3s-edge in the directory `name` of the bench. */
export async function openRepository(bench: Workbench, name = 'store') {
  const store = directoryWriter(bench.at(name));
  const one = (key: SigningKey) => ({ keys: [key], threshold: 1 });
  const keys = { root: one(offlineKey), targets: one(offlineKey), online: one(onlineKey) };
  const root = await createRepository(
    store,
    { ...keys, products: new Map([['k3s-edge', one(productKey)]]), permits: one(permitKey) },
    start,
    true,
  );
  return { store, root: root.bytes };
}

/** Builds (unless a build is given) and publishes to `stable`, without deltas unless an encoder is given. */
export async function publish(
  bench: Workbench,
  store: StoreWriter,
  name: string,
  input: Partial<PublishInput> & ReleaseOptions = {},
) {
  const build = input.build ?? (await bench.build(name, input));
  const scratch = bench.at('scratch');
  await mkdir(scratch, { recursive: true });
  return publishRelease({
    store,
    build,
    channel: 'stable',
    keys: [productKey, onlineKey],
    deltasFrom: 3,
    encoder: undefined,
    scratch,
    pinnedRoot: undefined,
    signingTime: start,
    progress: silentProgress,
    say: () => undefined,
    backOff: async () => undefined,
    ...input,
  });
}
