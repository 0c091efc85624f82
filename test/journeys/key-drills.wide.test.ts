/**
 * What goes wrong with keys in the life of a fleet, over simulated days: a device that pinned the first root follows each
 * time, with nobody at the box. The library's code signs and applies; the device's own code believes.
 */
import { describe, expect, it } from 'vitest';
import { timestampKey } from '../../contract/store-keys.ts';
import type { MetadataSet } from '../../contract/trust/trusted-set.ts';
import type { MetadataStore } from '../../edge-updater/ports.ts';
import { refreshTrustedSet } from '../../edge-updater/trust/refresh-trust.ts';
import { applyChange } from '../../packager/publish/apply-change.ts';
import { createRepository } from '../../packager/publish/create-repository.ts';
import { refreshRepository } from '../../packager/publish/refresh.ts';
import { newRequest, signRequest } from '../../packager/repository/change-request.ts';
import { changeRoles, type RoleWishes } from '../../packager/repository/change-roles.ts';
import { fetchFrom, loadRepository } from '../../packager/repository/state.ts';
import { signOnline } from '../../system/signing/sign-online.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import { directoryWriter } from '../../system/store/directory-writer.ts';
import { daysLater, newKey, publish, start } from '../packager/repository-fixture.ts';
import { Workbench } from '../packager/workbench.ts';

const noWishes: RoleWishes = { renew: [], add: [], revoke: [], thresholds: new Map(), newRoles: [] };
const releaseOf = (version: string) => `k3s-edge/linux-amd64/${version}/release.json`;

/** A shop with two of three keys for root and for targets, and the days that pass in it. */
class Shop {
  keys = {
    root: [newKey(), newKey(), newKey()],
    targets: [newKey(), newKey(), newKey()],
    online: [newKey()],
    'k3s-edge': [newKey()],
    permits: [newKey()],
  };
  readonly bench: Workbench;
  readonly store;
  pinned: Uint8Array = new Uint8Array();
  day = 0;

  constructor(bench: Workbench) {
    this.bench = bench;
    this.store = directoryWriter(bench.at('store'));
  }

  static async open(): Promise<Shop> {
    const shop = new Shop(await Workbench.open());
    const { root, targets, online, permits, 'k3s-edge': ci } = shop.keys;
    const one = (keys: readonly SigningKey[]) => ({ keys, threshold: 1 });
    const products = new Map([['k3s-edge', one(ci)]]);
    const offline = { root: { keys: root, threshold: 2 }, targets: { keys: targets, threshold: 2 } };
    const made = { ...offline, online: one(online), permits: one(permits), products };
    shop.pinned = (await createRepository(shop.store, made, start, false)).bytes;
    await shop.publish('1.0.0', 1);
    return shop;
  }

  get now(): Date {
    return daysLater(this.day);
  }

  async publish(version: string, counter: number, keys = [...this.keys['k3s-edge'], ...this.keys.online]) {
    await publish(this.bench, this.store, `r-${version}`, { version, counter, keys, signingTime: this.now });
  }

  async refresh(): Promise<void> {
    const keys = [...this.keys['k3s-edge'], ...this.keys.online];
    const quiet = { say: () => undefined, backOff: async () => undefined };
    await refreshRepository({ ...{ store: this.store, keys, pinnedRoot: undefined, signingTime: this.now }, ...quiet });
  }

  /** @param signers those who are at hand and well */
  async change(wishes: Partial<RoleWishes>, signers: readonly SigningKey[]): Promise<void> {
    const state = await loadRepository(this.store);
    const documents = { root: state.root.signed, targets: state.targets.signed };
    const request = newRequest(state, changeRoles(documents, { ...noWishes, ...wishes }, this.now));
    signRequest(request, signers);
    const keys = [...this.keys['k3s-edge'], ...this.keys.online];
    const { store, now: signingTime } = this;
    await applyChange({ store, request, keys, pinnedRoot: undefined, signingTime, backOff: async () => undefined });
  }

  /** Puts a new key in the place of the first one of a role. @returns the old one */
  async replaceFirst(role: keyof Shop['keys']): Promise<SigningKey> {
    const [old, ...others] = this.keys[role];
    if (!old) throw new Error('no key');
    const fresh = newKey();
    this.keys[role] = [...others, fresh];
    const { root, targets } = this.keys;
    const wellRoot = root.filter((key) => key !== old);
    const well = targets.filter((key) => key !== old);
    const wishes = { add: [{ role, key: fresh }], revoke: [{ role, keyId: old.keyId }] };
    await this.change(wishes, [...wellRoot, ...well]);
    return old;
  }

  renew(): Promise<void> {
    return this.change({ renew: ['root', 'targets'] }, [...this.keys.root, ...this.keys.targets]);
  }
}

/** The trusted set of one box, as it lies on its disk. */
class Box {
  #kept: { documents: MetadataSet; timeFloor: number };
  readonly #shop: Shop;
  readonly store: MetadataStore = {
    load: () => this.#kept,
    replace: (next) => {
      this.#kept = next;
    },
  };

  constructor(shop: Shop) {
    this.#shop = shop;
    this.#kept = { documents: new Map([['root', shop.pinned]]), timeFloor: 0 };
  }

  async believes(version: string, at: Date = this.#shop.now): Promise<boolean> {
    const { repository, keep } = await refreshTrustedSet(fetchFrom(this.#shop.store), this.store, at.getTime());
    const target = await repository.findTarget(releaseOf(version));
    keep();
    return target !== undefined;
  }

  get rootVersion(): number {
    return JSON.parse(new TextDecoder().decode(this.#kept.documents.get('root'))).signed.version;
  }
}

async function shopWithBox() {
  const shop = await Shop.open();
  const box = new Box(shop);
  expect(await box.believes('1.0.0')).toBe(true);
  return { shop, box };
}

describe('a key that is gone', () => {
  it.each([
    'root',
    'targets',
    'online',
    'k3s-edge',
    'permits',
  ] as const)('of %s, lost or stolen: another takes its place, and the old one signs nothing any more', async (role) => {
    const { shop, box } = await shopWithBox();
    const old = await shop.replaceFirst(role);
    await shop.publish('2.0.0', 2);
    expect(await box.believes('2.0.0')).toBe(true);
    const state = await loadRepository(shop.store, shop.pinned);
    const named = [state.root.signed.keys, state.targets.signed.delegations?.keys ?? {}];
    expect(named.some((keys) => Object.hasOwn(keys, old.keyId))).toBe(false);
    if (role === 'online') {
      const known = new Map([['root', shop.pinned]]);
      const theft = signOnline({ store: shop.store, keys: [old], known, now: daysLater(1) });
      await expect(theft).rejects.toMatchObject({ code: 'key-not-authorised' });
    }
    if (role === 'k3s-edge') {
      const theft = shop.publish('6.6.6', 666, [old, ...shop.keys.online]);
      await expect(theft).rejects.toMatchObject({ code: 'key-not-authorised' });
    }
  });

  it('of root, stolen: one of several makes no root, and does nothing for a device', async () => {
    const { shop, box } = await shopWithBox();
    const [stolen] = shop.keys.root;
    if (!stolen) throw new Error('no key');
    const wishes = { thresholds: new Map([['root', 1]]) };
    await expect(shop.change(wishes, [stolen])).rejects.toMatchObject({ code: 'threshold-not-met' });
    expect([await box.believes('1.0.0'), box.rootVersion]).toEqual([true, 1]);
  });

  it('of every role, one after the other: nothing of the first day is left, and the box followed', async () => {
    const { shop, box } = await shopWithBox();
    const first = Object.values(shop.keys).flat();
    for (const role of Object.keys(shop.keys) as (keyof Shop['keys'])[]) {
      for (let count = shop.keys[role].length; count > 0; count--) {
        shop.day += 0.1;
        await shop.replaceFirst(role);
      }
    }
    await shop.refresh();
    await shop.publish('2.0.0', 2);
    expect(await box.believes('2.0.0')).toBe(true);
    const { root, targets } = await loadRepository(shop.store, shop.pinned);
    const named = Object.keys({ ...root.signed.keys, ...targets.signed.delegations?.keys });
    expect(first.filter(({ keyId }) => named.includes(keyId))).toEqual([]);
  });
});

it('a threshold is raised, and fewer signatures make no root from then on', async () => {
  const { shop, box } = await shopWithBox();
  await shop.change({ thresholds: new Map([['root', 3]]) }, shop.keys.root);
  expect([await box.believes('1.0.0'), box.rootVersion]).toEqual([true, 2]);
  const few = shop.change({ renew: ['root'] }, shop.keys.root.slice(1));
  await expect(few).rejects.toMatchObject({ code: 'threshold-not-met' });
});

describe('a role that has ended', () => {
  it.each([
    ['timestamp', 2, 'refresh'],
    ['snapshot', 8, 'refresh'],
    ['k3s-edge', 61, 'refresh'],
    ['targets', 181, 'renew'],
    ['root', 366, 'renew'],
  ] as const)('%s: the box refuses, says so, and goes on once it is signed again', async (role, day, cure) => {
    const { shop, box } = await shopWithBox();
    // Roles that live shorter are signed in time.
    for (shop.day = 20; shop.day < day - 1; shop.day += 20) {
      if (role === 'root' && shop.day % 100 === 0) await shop.change({ renew: ['targets'] }, shop.keys.targets);
      if (cure === 'renew') await shop.refresh();
    }
    shop.day = day;
    await expect(box.believes('1.0.0')).rejects.toMatchObject({ code: 'metadata-expired' });
    if (cure === 'renew') {
      await expect(shop.refresh()).rejects.toMatchObject({ code: 'metadata-expired', message: RegExp(role) });
      await shop.renew();
    }
    await shop.refresh();
    expect(await box.believes('1.0.0')).toBe(true);
  });
});

it('a clock at 1970 believes what is signed, one at 2050 nothing, and none believes an older state', async () => {
  const { shop, box } = await shopWithBox();
  const old = await shop.store.readWhole(timestampKey, 100_000);
  await expect(box.believes('1.0.0', new Date('2050-01-01'))).rejects.toMatchObject({ code: 'metadata-expired' });
  shop.day = 30;
  await shop.refresh();
  expect(await box.believes('1.0.0', new Date(0))).toBe(true);
  const newest = await shop.store.readWhole(timestampKey, 100_000);
  await shop.store.compareAndSwap(timestampKey, newest?.etag ?? '', old?.bytes ?? new Uint8Array());
  await expect(box.believes('1.0.0', new Date(0))).rejects.toMatchObject({ code: 'metadata-rolled-back' });
});

it('two years of renewals, with a box that was off for one of them and one that was never on', async () => {
  const { shop, box } = await shopWithBox();
  const neverOn = new Box(shop);
  let counter = 1;
  for (shop.day = 30; shop.day <= 730; shop.day += 30) {
    if (shop.day % 90 === 0) await shop.renew();
    if (shop.day === 360) await shop.replaceFirst('root');
    if (shop.day === 540) await shop.replaceFirst('online');
    await shop.refresh();
    counter += 1;
    if (shop.day % 180 === 0) await shop.publish(`1.${shop.day}.0`, counter);
    if (shop.day <= 180) expect(await box.believes('1.0.0')).toBe(true);
  }
  shop.day = 720.5;
  for (const late of [box, neverOn]) {
    expect(await late.believes('1.720.0')).toBe(true);
    expect(late.rootVersion).toBe(11);
  }
});
