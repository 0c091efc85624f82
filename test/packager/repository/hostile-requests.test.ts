/** Requests that hide what they change, that come too late, or that meet another publisher on their way. */
import { expect, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { applyChange } from '../../../packager/publish/apply-change.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import { refreshRepository } from '../../../packager/publish/refresh.ts';
import {
  decodeRequest,
  encodeRequest,
  newRequest,
  requireKnownRoot,
  signRequest,
} from '../../../packager/repository/change-request.ts';
import { changeRoles, type RoleWishes } from '../../../packager/repository/change-roles.ts';
import { describeChange } from '../../../packager/repository/change-words.ts';
import { fetchFrom, loadRepository } from '../../../packager/repository/state.ts';
import type { SigningKey } from '../../../system/signing/signing-key.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { daysLater, newKey, start } from '../repository-fixture.ts';
import { Workbench } from '../workbench.ts';

const noWishes: RoleWishes = { renew: [], add: [], revoke: [], thresholds: new Map(), newRoles: [] };
const [root, targets, online, ci, permits, thief] = Array.from({ length: 6 }, newKey) as [
  ...[SigningKey, SigningKey, SigningKey],
  ...[SigningKey, SigningKey, SigningKey],
];
const one = (key: SigningKey) => ({ keys: [key], threshold: 1 });

async function repository() {
  const bench = await Workbench.open();
  const store = directoryWriter(bench.at('store'));
  const keys = { root: one(root), targets: one(targets), online: one(online), permits: one(permits) };
  const { bytes } = await createRepository(
    store,
    { ...keys, products: new Map([['k3s-edge', one(ci)]]) },
    start,
    false,
  );
  return { store, pinned: bytes };
}

async function request(store: StoreWriter, wishes: Partial<RoleWishes>, now = start) {
  const state = await loadRepository(store);
  const documents = { root: state.root.signed, targets: state.targets.signed };
  let free = state.targets.signed.version + 1;
  while (await store.stat(`metadata/${free}.targets.json`)) free++;
  return newRequest(state, changeRoles(documents, { ...noWishes, ...wishes }, now, free));
}

type Made = Awaited<ReturnType<typeof request>>;
// biome-ignore lint/suspicious/noExplicitAny: a document that anybody may have written into
type Json = Record<string, any>;

function signed(made: Made, ...signers: SigningKey[]): Made {
  const theirs = decodeRequest(encodeRequest(made), 'r');
  signRequest(theirs, signers);
  return theirs;
}

/** The request as somebody left it who wrote into its file. */
function altered(made: Made, change: (after: Json, before: Json) => void): () => Made {
  const json = JSON.parse(new TextDecoder().decode(encodeRequest(made))) as Json;
  change(json.after, json.before);
  return () => decodeRequest(canonicalJson(json as never), 'r');
}

const apply = (store: StoreWriter, made: Made, keys: SigningKey[], now = start) =>
  applyChange({ store, request: made, keys, pinnedRoot: undefined, signingTime: now, backOff: async () => undefined });

const device = (store: StoreWriter, pinned: Uint8Array, now = start) =>
  refreshTrust({ known: new Map([['root', pinned]]), fetch: fetchFrom(store), now });

const all: Partial<RoleWishes> = { renew: ['root', 'targets'] };

it.each<[string, (after: Json, before: Json) => void]>([
  [
    'another key under the id of one',
    ({ root: next }) => Object.assign(next.signed.keys[targets.keyId], thief.key.toJSON()),
  ],
  [
    'one key under two ids',
    ({ root: next }) => Object.assign(next.signed.keys, { ['f'.repeat(64)]: root.key.toJSON() }),
  ],
  [
    'other keys of the timestamp alone',
    ({ root: next }) => Object.assign(next.signed.roles.timestamp, { threshold: 2 }),
  ],
  ['snapshots that are not consistent', ({ root: next }) => Object.assign(next.signed, { consistent_snapshot: false })],
  ['something of its own in root', ({ root: next }) => Object.assign(next.signed, { custom: { demo: true } })],
  ['a jump of the version of root', ({ root: next }) => Object.assign(next.signed, { version: 3 })],
  [
    'a wider reach of a product',
    ({ targets: next }) => Object.assign(next.signed.delegations.roles[0], { paths: ['*/*/*/*'] }),
  ],
  [
    'a role that does not end the search',
    ({ targets: next }) => Object.assign(next.signed.delegations.roles[0], { terminating: false }),
  ],
  [
    'a target of its own',
    ({ targets: next }) =>
      Object.assign(next.signed.targets, { 'a/b': { length: 1, hashes: { sha256: '0'.repeat(64) } } }),
  ],
])('a request with %s is refused before anybody signs it', async (_what, change) => {
  const { store } = await repository();
  expect(altered(await request(store, all), change)).toThrow(
    /the request changes more than it may|no request for a change/,
  );
});

it('what nobody signs is left behind, however long it is', async () => {
  const { store, pinned } = await repository();
  const made = signed(await request(store, all), root, targets);
  const padded = altered(made, ({ root: next }) => Object.assign(next, { junk: 'x'.repeat(700_000) }))();
  await apply(store, padded, [online]);
  expect((await device(store, pinned)).root.version).toBe(2);
});

it('a made-up past is seen by a signer who knows the root, and all keys are read by one who does not', async () => {
  const { store, pinned } = await repository();
  const made = await request(store, all);
  const forgery = newRequest(
    made.before,
    changeRoles(
      { root: made.before.root.signed, targets: made.before.targets.signed },
      { ...noWishes, add: [{ role: 'targets', key: thief }] },
      start,
    ),
  );
  expect(() => requireKnownRoot(made, pinned)).not.toThrow();
  const other = await repository();
  const elsewhere = await request(other.store, { thresholds: new Map([['root', 1]]) });
  expect(() =>
    requireKnownRoot(elsewhere, new TextEncoder().encode(new TextDecoder().decode(pinned).replace('2027', '2028'))),
  ).toThrow(/says otherwise/);
  expect(describeChange(forgery).join('\n')).toContain(thief.keyId.slice(0, 12));
  expect(describeChange(made).filter((line) => line.endsWith('sign, as today'))).toHaveLength(5);
});

it('one that was made before root changed is refused, and blocks no later one', async () => {
  const { store, pinned } = await repository();
  const early = signed(await request(store, { renew: ['targets'] }), targets);
  const rotate = { add: [{ role: 'targets', key: thief }], revoke: [{ role: 'targets', keyId: targets.keyId }] };
  const both = signed(await request(store, rotate), root, thief);
  await apply(store, signed(await request(store, { renew: ['root'] }), root), [online]);
  for (const late of [early, both]) {
    await expect(apply(store, late, [online])).rejects.toMatchObject({ code: 'publish-contended' });
  }
  await apply(store, signed(await request(store, { renew: ['targets'] }), targets), [online]);
  expect((await device(store, pinned)).root.version).toBe(2);
});

it('one whose name of targets was taken by a publish that was given up takes the next', async () => {
  const { store, pinned } = await repository();
  await store.putNew('metadata/2.targets.json', new TextEncoder().encode('{}'));
  await apply(store, signed(await request(store, { renew: ['targets'] }), targets), [online]);
  expect((await loadRepository(store, pinned)).targets.signed.version).toBe(3);
});

it('one that meets a refresh between root and timestamp goes on from what that left', async () => {
  const { store, pinned } = await repository();
  const fresh = newKey();
  const wishes = { add: [{ role: 'online', key: fresh }], revoke: [{ role: 'online', keyId: online.keyId }] };
  const made = signed(await request(store, wishes), root);
  let swaps = 0;
  const busy: StoreWriter = Object.assign(Object.create(store) as StoreWriter, {
    compareAndSwap: async (...args: Parameters<StoreWriter['compareAndSwap']>) => {
      if (++swaps === 1) {
        // By a publisher who has not seen the new root.
        const state = await loadRepository(hidingRoot2(store), pinned);
        expect(state.root.signed.version).toBe(1);
        return 'changed' as const;
      }
      return store.compareAndSwap(...args);
    },
  });
  await apply(busy, made, [fresh]);
  expect(swaps).toBe(2);
  expect((await device(store, pinned)).root.version).toBe(2);
  // The answer was lost: the same command says that it is done.
  await expect(apply(store, made, [fresh])).rejects.toMatchObject({
    message: expect.stringContaining('in force already'),
  });
});

it('one whose own time is over is not put into force', async () => {
  const { store, pinned } = await repository();
  const made = signed(await request(store, { renew: ['targets'] }), targets);
  await expect(apply(store, made, [online], daysLater(200))).rejects.toMatchObject({ code: 'metadata-expired' });
  await refreshRepository({
    ...{ store, keys: [online, ci], pinnedRoot: undefined, signingTime: start },
    ...{ say: () => undefined, backOff: async () => undefined },
  });
  expect((await device(store, pinned)).root.version).toBe(1);
});

it.each<[string, Partial<RoleWishes>, string]>([
  ['give online a key of permits', { add: [{ role: 'online', key: permits }] }, 'usage'],
  ['give permits a key of CI', { add: [{ role: 'permits', key: ci }] }, 'usage'],
  ['name a product like a role of root', { newRoles: ['online'], add: [{ role: 'online', key: thief }] }, 'usage'],
  [
    'name one like what every object has',
    { newRoles: ['constructor'], add: [{ role: 'constructor', key: ci }] },
    'usage',
  ],
])('a wish to %s is refused', async (_what, wishes, code) => {
  const { store } = await repository();
  await expect(request(store, wishes)).rejects.toMatchObject({ code });
});

function hidingRoot2(store: StoreWriter): StoreWriter {
  return Object.assign(Object.create(store) as StoreWriter, {
    location: store.location,
    readWhole: (key: string, maxBytes: number) =>
      key === 'metadata/2.root.json' ? Promise.resolve(undefined) : store.readWhole(key, maxBytes),
  });
}
