/** The role of permits has keys and no document; whoever walks the roles of releases must not trip over it. */
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { permitsRole } from '../../../contract/trust/keys-only-roles.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { Catalog } from '../../../distributor/catalog/catalog.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import { refreshRepository } from '../../../packager/publish/refresh.ts';
import { fetchFrom, loadRepository } from '../../../packager/repository/state.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { directoryReader } from '../../../system/store/directory-reader.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import {
  daysLater,
  newKey,
  onlineKey,
  openRepository,
  permitKey,
  productKey,
  publish,
  start,
} from '../repository-fixture.ts';
import { Workbench } from '../workbench.ts';

describe('a repository that delegates permits', () => {
  it('is published to, refreshed, verified and served like any other', async () => {
    const bench = await Workbench.open();
    const { store, root } = await openRepository(bench);
    expect(await publish(bench, store, 'first')).toMatchObject({ outcome: 'published' });
    const keys = [productKey, onlineKey];
    await refreshRepository({
      ...{ store, keys, pinnedRoot: root, signingTime: daysLater(40) },
      ...{ say: () => undefined, backOff: async () => undefined },
    });
    const found = await verifyStore(store, root, daysLater(40), silentProgress);
    expect(found).toMatchObject({ signatures: 5, releases: 1 });
    expect([...(await loadRepository(store, root)).products.keys()]).toEqual(['k3s-edge']);
    const catalog = new Catalog(directoryReader(bench.at('store')));
    await catalog.refresh(daysLater(40));
    expect(catalog.state).toMatchObject({ problem: undefined, skipped: [] });
    expect(catalog.state.releases.size).toBe(1);
    expect([...(catalog.state.permits?.keys.keys() ?? [])]).toEqual([permitKey.keyId]);
  });

  it('is trusted by a device, which learns the keys and asks for no document of the role', async () => {
    const bench = await Workbench.open();
    const { store, root } = await openRepository(bench);
    const asked: string[] = [];
    const trusted = await refreshTrust({
      known: new Map([['root', root]]),
      now: start,
      fetch: (name, maxBytes) => {
        asked.push(name);
        return fetchFrom(store)(name, maxBytes);
      },
    });
    expect(trusted.permits).toEqual({ keys: new Map([[permitKey.keyId, permitKey.key]]), threshold: 1 });
    expect(trusted.delegatedRoles).toEqual(['k3s-edge']);
    expect(await trusted.delegatedTargets(permitsRole)).toBeUndefined();
    expect(asked.filter((name) => name.includes(permitsRole))).toEqual([]);
  });
});

describe('a repository without the role', () => {
  it('keeps working and believes no permit', async () => {
    const bench = await Workbench.open();
    const store = directoryWriter(bench.at('store'));
    const one = () => ({ keys: [newKey()], threshold: 1 });
    await createRepository(
      store,
      { root: one(), targets: one(), online: one(), products: new Map([['k3s-edge', one()]]) },
      start,
      true,
    );
    const catalog = new Catalog(directoryReader(bench.at('store')));
    await catalog.refresh(start);
    expect(catalog.state).toMatchObject({ problem: undefined, permits: undefined });
  });
});

describe('the key of permits', () => {
  it.each(['root', 'targets', 'online', 'product'] as const)('may not be that of %s too', async (shared) => {
    const bench = await Workbench.open();
    const own = { root: newKey(), targets: newKey(), online: newKey(), product: newKey() };
    const one = (key: ReturnType<typeof newKey>) => ({ keys: [key], threshold: 1 });
    const keys = {
      ...{ root: one(own.root), targets: one(own.targets), online: one(own.online) },
      ...{ products: new Map([['k3s-edge', one(own.product)]]), permits: one(own[shared]) },
    };
    const created = createRepository(directoryWriter(bench.at('store')), keys, start, false);
    await expect(created).rejects.toMatchObject({ code: 'usage' });
  });
});
