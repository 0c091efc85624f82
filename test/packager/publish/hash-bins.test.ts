/** A product above 500 releases is in hash bins: every device finds each release there and reads one bin for it. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Updater } from 'tuf-js';
import { expect, it, onTestFinished } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { silentProgress } from '../../../contract/progress.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { writeBundle } from '../../../packager/bundle/write-bundle.ts';
import { commitChanges } from '../../../packager/publish/commit.ts';
import { binCountFor } from '../../../packager/publish/deciding/bin-count.ts';
import { refreshRepository } from '../../../packager/publish/refresh.ts';
import { type ListedRelease, listedRelease } from '../../../packager/repository/product-role.ts';
import { fetchFrom, loadRepository } from '../../../packager/repository/state.ts';
import { verifyBundle } from '../../../packager/verify/verify-bundle.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { daysLater, onlineKey, openRepository, productKey, publish, start } from '../repository-fixture.ts';
import { Workbench } from '../workbench.ts';

const product = 'k3s-edge';
const keys = [productKey, onlineKey];
const pathOf = (version: string) => `${product}/linux-arm64/${version}/release.json`;

/** Lists so many releases of other versions beside the first one, whose manifests nobody asks for. */
async function fill(store: StoreWriter, count: number): Promise<void> {
  const state = await loadRepository(store);
  const real = (state.releases.get(product) ?? []).filter(({ platform }) => platform === 'linux/amd64');
  const others = Array.from({ length: count - real.length }, (_, at): ListedRelease => {
    const version = `0.0.${at}`;
    return { ...(real[0] as ListedRelease), platform: 'linux/arm64', version, path: pathOf(version) };
  });
  const changes = new Map([[product, { releases: [...real, ...others] }]]);
  await commitChanges(store, { state, changes, keys, now: start, check: async () => undefined });
}

/** A repository whose 501st release has just been published. */
async function grown() {
  const bench = await Workbench.open();
  const { store, root } = await openRepository(bench);
  await publish(bench, store, 'a');
  await fill(store, limits.maxTargetsPerRole);
  const said: string[] = [];
  await publish(bench, store, 'b', { version: '1.1.0', counter: 2, say: (line) => said.push(line) });
  return { bench, store, root, said };
}

async function device(store: StoreWriter, root: Uint8Array, now = start) {
  const names: string[] = [];
  const fetch = async (name: string, maxBytes: number) => {
    names.push(name);
    return fetchFrom(store)(name, maxBytes);
  };
  const trusted = await refreshTrust({ known: new Map([['root', root]]), fetch, now });
  return { trusted, names };
}

it.each([
  [500, 0, 0],
  [501, 0, 16],
  [3200, 16, 16],
  [3201, 16, 32],
  [10_000, 0, 64],
  [3, 64, 64],
  [10, 16, 16],
  [1_000_000, 0, 256],
])('%i releases in a product with %i hash bins are in %i', (releases, before, after) => {
  expect(binCountFor(releases, before)).toBe(after);
});

it('the 501st release moves a product into hash bins, and says so', async () => {
  const { store, root, said } = await grown();
  expect(said.join()).toContain('501 releases, which are in 16 hash bins');
  const state = await loadRepository(store);
  expect([state.bins.get(product)?.size, state.releases.get(product)?.length]).toEqual([16, 501]);
  const { trusted, names } = await device(store, root);
  expect(await trusted.findTarget(pathOf('0.0.7'))).toBeDefined();
  expect(await trusted.findTarget(pathOf('0.0.999'))).toBeUndefined();
  expect(names.filter((name) => name.includes(`.${product}-`)).length).toBeLessThanOrEqual(2);
});

it('a publish signs the one bin that changes, and not the role of the product', async () => {
  const { bench, store } = await grown();
  const before = (await loadRepository(store)).snapshotMeta;
  await publish(bench, store, 'c', { version: '1.2.0', counter: 3, channel: 'beta' });
  const after = (await loadRepository(store)).snapshotMeta;
  const changed = Object.keys(after).filter((role) => after[role]?.version !== before[role]?.version);
  expect(changed).toHaveLength(1);
  expect(changed[0]).toMatch(/^k3s-edge-0[0-9a-f]-\.json$/);
});

it('a client of tuf-js, which devices were before, finds a release in its bin', async () => {
  const { bench, store, root } = await grown();
  const server = createServer(async (request, response) => {
    const found = await store.readWhole((request.url ?? '').slice(1), limits.maxTargetsBytes).catch(() => undefined);
    response.writeHead(found ? 200 : 404).end(found?.bytes);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const metadataDir = bench.at('old-client');
  await mkdir(metadataDir);
  await writeFile(`${metadataDir}/root.json`, root);
  const metadataBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`;
  const updater = new Updater({ metadataDir, metadataBaseUrl, config: { fetchRetries: 0 } });
  Reflect.set(Reflect.get(updater, 'trustedSet'), 'referenceTime', start);
  await updater.refresh();
  const listed = (await loadRepository(store)).releases.get(product) ?? [];
  for (const { path, manifestSha256 } of [listed[0], listed[250], listed[500]] as ListedRelease[]) {
    expect((await updater.getTargetInfo(path))?.hashes.sha256).toBe(manifestSha256);
  }
});

it('a packager that knows no bins takes the role for malformed, instead of signing one without releases', async () => {
  const { store } = await grown();
  const role = (await loadRepository(store)).products.get(product);
  expect(() => Object.values(role?.targets ?? {}).map(listedRelease)).toThrow(
    expect.objectContaining({ code: 'metadata-malformed' }),
  );
});

it('refresh --hash-bins moves a small product, and signs all of its bins again at half of their time', async () => {
  const bench = await Workbench.open();
  const { store, root } = await openRepository(bench);
  await publish(bench, store, 'a');
  const refresh = (signingTime: Date, hashBins: string[] = []) =>
    refreshRepository({
      ...{ store, keys, pinnedRoot: root, signingTime, hashBins, say: () => undefined, backOff: async () => undefined },
    });
  await refresh(start, [product]);
  expect((await loadRepository(store)).bins.get(product)?.size).toBe(limits.minHashBins);
  expect((await refresh(daysLater(1))).products).toEqual([]);
  expect((await refresh(daysLater(60))).products).toEqual([product]);
  const { trusted } = await device(store, root, daysLater(60.5));
  expect(await trusted.findTarget(`${product}/linux-amd64/1.0.0/release.json`)).toBeDefined();
  await expect(refresh(daysLater(61), ['nothing'])).rejects.toMatchObject({ code: 'product-unknown' });
});

it('a product that grows again has twice as many bins, and a device that knows the old ones goes on', async () => {
  const { store, root } = await grown();
  const before = await device(store, root);
  await before.trusted.findTarget(pathOf('0.0.7'));
  await fill(store, 3300);
  expect((await loadRepository(store)).bins.get(product)?.size).toBe(32);
  const known = before.trusted.documents;
  const after = await refreshTrust({ known, fetch: fetchFrom(store), now: start });
  for (const at of [7, 77, 3000]) expect(await after.findTarget(pathOf(`0.0.${at}`)), `${at}`).toBeDefined();
});

it('a bundle carries the one bin of its release', async () => {
  const { bench, store, root } = await grown();
  const selector = { product, platform: 'linux/amd64', version: '1.1.0' } as const;
  const file = bench.at('one.bundle');
  await writeBundle(store, selector, file, root, start, silentProgress);
  expect(await verifyBundle(file, root, start, silentProgress)).toMatchObject({ releases: 1, blobs: 1, signatures: 6 });
  const members = (await readFile(file)).toString('latin1').match(/metadata\/\d+\.k3s-edge-[0-9a-f]{2}-\.json/g);
  expect(new Set(members).size).toBe(1);
});
