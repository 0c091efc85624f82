/** A product above 500 releases is in hash bins: every device finds each release there and reads one bin for it. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Updater } from 'tuf-js';
import { expect, it, onTestFinished } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { silentProgress } from '../../../contract/progress.ts';
import { binRole, binsMarker, isBinRole } from '../../../contract/trust/hash-bins.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { Catalog } from '../../../distributor/catalog/catalog.ts';
import { writeBundle } from '../../../packager/bundle/write-bundle.ts';
import { applyChange } from '../../../packager/publish/apply-change.ts';
import { commitChanges } from '../../../packager/publish/commit.ts';
import { binCountFor } from '../../../packager/publish/deciding/bin-count.ts';
import { refreshRepository } from '../../../packager/publish/refresh.ts';
import { newRequest, signRequest } from '../../../packager/repository/change-request.ts';
import { changeRoles } from '../../../packager/repository/change-roles.ts';
import { type ListedRelease, listedRelease } from '../../../packager/repository/product-role.ts';
import { fetchFrom, loadRepository } from '../../../packager/repository/state.ts';
import { verifyBundle } from '../../../packager/verify/verify-bundle.ts';
import { directoryReader } from '../../../system/store/directory-reader.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import {
  daysLater,
  newKey,
  offlineKey,
  onlineKey,
  openRepository,
  productKey,
  publish,
  start,
} from '../repository-fixture.ts';
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

it('a server finds the releases of all bins', async () => {
  const { bench, store } = await grown();
  // All of them share one manifest, which is about the first: the server reads it, and leaves the others out.
  const catalog = new Catalog(directoryReader(bench.at('store')));
  await catalog.refresh(start);
  const { releases, skipped, problem } = catalog.state;
  expect([releases.size + skipped.length, releases.size, problem]).toEqual([501, 2, undefined]);
  await store.close();
});

it('a stolen key of the product signs no bin any more once it is rotated', async () => {
  const { store, root } = await grown();
  const fresh = newKey();
  const state = await loadRepository(store);
  const [add, revoke] = [[{ role: product, key: fresh }], [{ role: product, keyId: productKey.keyId }]];
  const wishes = { renew: [], add, revoke, thresholds: new Map(), newRoles: [] };
  const changed = changeRoles({ root: state.root.signed, targets: state.targets.signed }, wishes, start);
  const request = newRequest({ root: state.root, targets: state.targets }, changed);
  signRequest(request, [offlineKey]);
  const by = { signingTime: start, pinnedRoot: root, backOff: async () => undefined };
  await applyChange({ store, request, keys: [fresh, onlineKey], ...by });
  const { trusted } = await device(store, root);
  for (const at of [7, 77, 277]) expect(await trusted.findTarget(pathOf(`0.0.${at}`)), `${at}`).toBeDefined();
  for (const [role, bytes] of trusted.documents) {
    if (isBinRole(role)) expect(Buffer.from(bytes).toString(), role).not.toContain(productKey.keyId);
  }
  await expect(fill(store, 600)).rejects.toMatchObject({ code: 'key-not-authorised' });
});

it('a bin that names a release of another bin is not believed', async () => {
  const { store, root } = await grown();
  const { trusted } = await device(store, root);
  const wanted = pathOf('0.0.7');
  await trusted.findTarget(wanted);
  const strays: string[] = [];
  for await (const part of trusted.partsOf(product)) strays.push(...part.strays);
  expect(strays).toEqual([binsMarker(product)]);
  // The same name and version, signed by the same key, of another bin: only its digest tells them apart.
  const [own] = [...trusted.documents.keys()].filter(isBinRole);
  const meta = (await loadRepository(store)).snapshotMeta;
  const [ours, other] = [own, binRole(product, 15)].map((role) => `${meta[`${role}.json`]?.version}.${role}.json`);
  const swapped = async (name: string, maxBytes: number) =>
    fetchFrom(store)(name === ours ? (other ?? '') : name, maxBytes);
  const again = await refreshTrust({ known: new Map([['root', root]]), fetch: swapped, now: start });
  await expect(again.findTarget(wanted)).rejects.toMatchObject({ code: expect.stringMatching(/^metadata-/) });
});

it('a bundle carries the one bin of its release', async () => {
  const { bench, store, root } = await grown();
  const selector = { product, platform: 'linux/amd64', version: '1.1.0' } as const;
  const file = bench.at('one.bundle');
  await writeBundle({ store, selector, file, pinnedRoot: root, now: start, progress: silentProgress });
  expect(await verifyBundle(file, root, start, silentProgress)).toMatchObject({ releases: 1, blobs: 1, signatures: 6 });
  const members = (await readFile(file)).toString('latin1').match(/metadata\/\d+\.k3s-edge-[0-9a-f]{2}-\.json/g);
  expect(new Set(members).size).toBe(1);
});
