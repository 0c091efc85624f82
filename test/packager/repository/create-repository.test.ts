import { chmod, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { sha256 } from '../../../contract/digest.ts';
import { silentProgress } from '../../../contract/progress.ts';
import { targetPath } from '../../../contract/release/manifest.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import { isDemo } from '../../../packager/repository/offline-roles.ts';
import { loadRepository } from '../../../packager/repository/state.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { readSigningKeys, writeKeyPair } from '../../../system/signing/key-files.ts';
import { readKey } from '../../../system/signing/key-source.ts';
import { isSigningKey } from '../../../system/signing/signing-key.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import { Death, dyingStore } from '../../fakes/dying-store.ts';
import { daysLater, newKey, start } from '../repository-fixture.ts';
import { contentOf, Workbench } from '../workbench.ts';

const nobody = { env: {}, askPassphrase: async () => undefined };
const one = () => ({ keys: [newKey()], threshold: 1 });
const newKeys = () => ({ root: one(), targets: one(), online: one(), products: new Map([['k3s-edge', one()]]) });

describe('a new repository', () => {
  it('is trusted by the rules of a device, expires after the lifetime of its role and names its demonstration', async () => {
    const bench = await Workbench.open();
    const store = directoryWriter(bench.at('store'));
    await createRepository(store, newKeys(), start, true);
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ signatures: 5, releases: 0 });
    const state = await loadRepository(store);
    expect(isDemo(state.root.signed)).toBe(true);
    expect([
      state.root.signed.expires,
      state.targets.signed.expires,
      state.products.get('k3s-edge')?.expires,
      state.snapshotExpires,
      state.timestampExpires,
    ]).toEqual([365, 180, 60, 7, 1].map((days) => daysLater(days).toISOString().replace('.000', '')));
  });

  it('delegates to each product only its own paths, and ends the search there', async () => {
    const bench = await Workbench.open();
    const store = directoryWriter(bench.at('store'));
    await createRepository(
      store,
      {
        ...newKeys(),
        products: new Map([
          ['a', one()],
          ['b', one()],
        ]),
      },
      start,
      false,
    );
    const { targets, root } = await loadRepository(store);
    expect(isDemo(root.signed)).toBe(false);
    const rolesFor = (product: string) => [
      ...(targets.signed.delegations?.rolesForTarget(
        targetPath({ product, platform: 'linux/arm64', version: '1.33.9+k3s1' }),
      ) ?? []),
    ];
    expect(rolesFor('a')).toEqual([{ role: 'a', terminating: true }]);
    expect(rolesFor('b')).toEqual([{ role: 'b', terminating: true }]);
    expect(rolesFor('c')).toEqual([]);
  });

  it('is finished by the next call with the same keys after a death at any step', async () => {
    const bench = await Workbench.open();
    const keys = newKeys();
    const counting = dyingStore(directoryWriter(bench.at('whole')), Number.POSITIVE_INFINITY, 'before');
    await createRepository(counting, keys, start, true);
    expect(counting.calls).toBe(5);
    for (let call = 1; call <= 5; call++) {
      const store = directoryWriter(bench.at(`dead-${call}`));
      await expect(createRepository(dyingStore(store, call, 'before'), keys, start, true)).rejects.toThrow(Death);
      const { signed } = await createRepository(store, keys, daysLater(0.01), true);
      expect(signed.expires.slice(0, 10)).toBe('2027-01-01');
      expect(Object.keys(await contentOf(bench.at(`dead-${call}`)))).toEqual(
        Object.keys(await contentOf(bench.at('whole'))),
      );
      expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ signatures: 5 });
    }
  });

  it('never takes the place of another, finished or not', async () => {
    const bench = await Workbench.open();
    const store = directoryWriter(bench.at('store'));
    await expect(createRepository(dyingStore(store, 2, 'before'), newKeys(), start, true)).rejects.toThrow(Death);
    await expect(createRepository(store, newKeys(), start, true)).rejects.toMatchObject({ code: 'repository-exists' });
    const finished = directoryWriter(bench.at('finished'));
    const keys = newKeys();
    await createRepository(finished, keys, start, true);
    const before = await contentOf(bench.at('finished'));
    await expect(createRepository(finished, keys, start, true)).rejects.toMatchObject({ code: 'repository-exists' });
    expect(await contentOf(bench.at('finished'))).toEqual(before);
  });
});

describe('key files', () => {
  it('hold a pair of which only the private one can sign, under the key id of TUF', async () => {
    const bench = await Workbench.open();
    const { keyId, privateFile, publicFile } = await writeKeyPair(bench.folder, 'ci');
    expect((await stat(privateFile)).mode & 0o777).toBe(0o600);
    const [secret, open] = [await readKey(privateFile, nobody), await readKey(publicFile, nobody)];
    expect([isSigningKey(secret), isSigningKey(open)]).toEqual([true, false]);
    expect([secret.keyId, open.keyId]).toEqual([keyId, keyId]);
    expect(sha256(canonicalJson(open.key.toJSON()))).toBe(keyId);
  });

  it('are never overwritten, a public one cannot stand for a private one, and one that others may read is told of', async () => {
    const bench = await Workbench.open();
    const { privateFile, publicFile } = await writeKeyPair(bench.folder, 'ci');
    const said: string[] = [];
    const noted = (line: string) => void said.push(line);
    await expect(writeKeyPair(bench.folder, 'ci')).rejects.toMatchObject({ code: 'key-unreadable' });
    await expect(readSigningKeys({ key: [publicFile] }, nobody, noted)).rejects.toMatchObject({
      code: 'key-unreadable',
    });
    expect(await readSigningKeys({ keys: bench.folder }, nobody, noted)).toHaveLength(1);
    expect(said).toEqual([]);
    await chmod(privateFile, 0o640);
    for (const places of [{ keys: bench.folder }, { key: [privateFile] }]) await readSigningKeys(places, nobody, noted);
    const name = path.basename(privateFile);
    expect(said).toEqual(Array(2).fill(`Other accounts may read the private key ${name} (mode 0640); make it 0600.`));
  });

  it('that cannot be read are named', async () => {
    const bench = await Workbench.open();
    await mkdir(bench.at('folder.key.pem'));
    const unreadable = readKey(bench.at('folder.key.pem'), nobody);
    await expect(unreadable).rejects.toMatchObject({
      code: 'key-unreadable',
      message: expect.not.stringContaining(bench.folder),
    });
  });
});
