/** Keys that are lost, stolen, renewed or added, and a device that pinned the first root and is never touched. */
import { expect, it } from 'vitest';
import { timestampKey } from '../../../contract/store-keys.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { applyChange } from '../../../packager/publish/apply-change.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import { refreshRepository } from '../../../packager/publish/refresh.ts';
import {
  decodeRequest,
  encodeRequest,
  missingSignatures,
  newRequest,
  signRequest,
} from '../../../packager/repository/change-request.ts';
import { changeRoles, type RoleWishes } from '../../../packager/repository/change-roles.ts';
import { describeChange } from '../../../packager/repository/change-words.ts';
import { listReleases } from '../../../packager/repository/product-role.ts';
import { fetchFrom, loadRepository } from '../../../packager/repository/state.ts';
import { nextSnapshot, nextTimestamp } from '../../../system/signing/online-roles.ts';
import { describeDocument, documentKey, signDocument } from '../../../system/signing/signed-document.ts';
import type { SigningKey } from '../../../system/signing/signing-key.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { daysLater, newKey, publish, start } from '../repository-fixture.ts';
import { Workbench } from '../workbench.ts';

const noWishes: RoleWishes = { renew: [], add: [], revoke: [], thresholds: new Map(), newRoles: [] };
const [root1, root2, root3, targets1, targets2, online, ci, permits] = Array.from({ length: 8 }, newKey) as [
  ...[SigningKey, SigningKey, SigningKey, SigningKey],
  ...[SigningKey, SigningKey, SigningKey, SigningKey],
];

/** Two of three sign root, two of two targets. */
async function repository() {
  const bench = await Workbench.open();
  const store = directoryWriter(bench.at('store'));
  const { bytes } = await createRepository(
    store,
    {
      root: { keys: [root1, root2, root3], threshold: 2 },
      targets: { keys: [targets1, targets2], threshold: 2 },
      online: { keys: [online], threshold: 1 },
      products: new Map([['k3s-edge', { keys: [ci], threshold: 1 }]]),
      permits: { keys: [permits], threshold: 1 },
    },
    start,
    false,
  );
  await publish(bench, store, 'one', { version: '1.0.0', counter: 1, keys: [ci, online] });
  return { bench, store, pinned: bytes };
}

async function request(store: StoreWriter, wishes: Partial<RoleWishes>, now: Date) {
  const { root, targets } = await loadRepository(store);
  const changed = changeRoles({ root: root.signed, targets: targets.signed }, { ...noWishes, ...wishes }, now);
  return newRequest({ root, targets }, changed);
}

/** The way of a request through files: each signer has it on a machine of their own. */
function signed(made: Awaited<ReturnType<typeof request>>, ...signers: SigningKey[]) {
  let bytes = encodeRequest(made);
  for (const signer of signers) {
    const theirs = decodeRequest(bytes, 'request.json');
    signRequest(theirs, [signer]);
    bytes = encodeRequest(theirs);
  }
  return decodeRequest(bytes, 'request.json');
}

const apply = (store: StoreWriter, made: ReturnType<typeof signed>, keys: SigningKey[], now: Date) =>
  applyChange({ store, request: made, keys, pinnedRoot: undefined, signingTime: now, backOff: async () => undefined });

/** What a device believes that pinned the first root and sees the store now. */
async function device(store: StoreWriter, pinned: Uint8Array, now: Date) {
  const trusted = await refreshTrust({ known: new Map([['root', pinned]]), fetch: fetchFrom(store), now });
  const releases = async (product: string) => {
    if (!trusted.delegatedRoles.includes(product)) return undefined;
    return (await listReleases(trusted, product)).map(({ version }) => version);
  };
  return { releases };
}

const renewAll: Partial<RoleWishes> = { renew: ['root', 'targets'] };

it('everything that ended is signed again, and a device that was off for a year follows', async () => {
  const { store, pinned } = await repository();
  const late = daysLater(400);
  await expect(device(store, pinned, late)).rejects.toMatchObject({ code: 'metadata-expired' });
  const made = signed(await request(store, renewAll, late), root1, root3, targets1, targets2);
  await apply(store, made, [online], late);
  await refreshRepository({
    ...{ store, keys: [online, ci], pinnedRoot: undefined, signingTime: late },
    ...{ say: () => undefined, backOff: async () => undefined },
  });
  expect(await (await device(store, pinned, daysLater(400.5))).releases('k3s-edge')).toEqual(['1.0.0']);
});

it('a change waits for its signatures, by keys of the root that is in force and of the next one', async () => {
  const { store } = await repository();
  const newcomer = newKey();
  const wishes = { add: [{ role: 'root', key: newcomer }], revoke: [{ role: 'root', keyId: root1.keyId }] };
  const made = await request(store, wishes, start);
  // Two of those who come into force, and only one of today.
  const half = signed(made, newcomer, root2);
  await expect(apply(store, half, [online], start)).rejects.toMatchObject({ code: 'threshold-not-met' });
  expect(missingSignatures(half).map(({ by }) => by)).toEqual(['before']);
  // Whoever is revoked may sign the change that revokes them.
  await apply(store, signed(half, root1), [online], start);
  expect((await loadRepository(store)).root.signed.version).toBe(2);
});

it('a stolen key of targets signs nothing that a device believes', async () => {
  const { bench, store, pinned } = await repository();
  const fresh = newKey();
  const wishes = { add: [{ role: 'targets', key: fresh }], revoke: [{ role: 'targets', keyId: targets1.keyId }] };
  await apply(store, signed(await request(store, wishes, start), root1, root2, targets2, fresh), [online], start);
  const state = await loadRepository(store, pinned);
  expect(state.root.signed.roles.targets?.keyIDs).not.toContain(targets1.keyId);
  const forged = newRequest(
    state,
    changeRoles({ root: state.root.signed, targets: state.targets.signed }, { ...noWishes, renew: ['targets'] }, start),
  );
  expect(() => signRequest(forged, [targets1])).toThrow(/no document of the request asks/);
  await publish(bench, store, 'two', { version: '2.0.0', counter: 2, keys: [ci, online] });
  expect(await (await device(store, pinned, start)).releases('k3s-edge')).toEqual(['1.0.0', '2.0.0']);
});

it.each([
  ['of CI', 'k3s-edge', [targets1, targets2], ci],
  ['of snapshot and timestamp', 'online', [root1, root2], online],
  ['of permits', 'permits', [targets1, targets2], permits],
] as const)('a lost key %s is replaced without touching a device', async (_what, role, signers, lost) => {
  const { bench, store, pinned } = await repository();
  const fresh = newKey();
  const made = await request(store, { add: [{ role, key: fresh }], revoke: [{ role, keyId: lost.keyId }] }, start);
  const keys = [role === 'online' ? fresh : online, role === 'k3s-edge' ? fresh : ci];
  await apply(store, signed(made, ...signers), keys, start);
  const stale = publish(bench, store, 'stolen', { version: '2.0.0', counter: 2, keys: [ci, online] });
  if (role === 'permits') await stale;
  else await expect(stale).rejects.toMatchObject({ code: 'key-not-authorised' });
  if (role !== 'permits') await publish(bench, store, 'two', { version: '2.0.0', counter: 2, keys });
  expect(await (await device(store, pinned, start)).releases('k3s-edge')).toEqual(['1.0.0', '2.0.0']);
});

it('a product is added, and a threshold raised', async () => {
  const { bench, store, pinned } = await repository();
  const k0s = newKey();
  const wishes = { newRoles: ['k0s-edge'], add: [{ role: 'k0s-edge', key: k0s }] };
  await apply(store, signed(await request(store, wishes, start), targets1, targets2), [online, k0s], start);
  await publish(bench, store, 'k0s', { product: 'k0s-edge', keys: [k0s, online] });
  const raised = { thresholds: new Map([['root', 3]]) };
  await apply(store, signed(await request(store, raised, start), root1, root2, root3), [online], start);
  expect(await (await device(store, pinned, start)).releases('k0s-edge')).toEqual(['1.0.0']);
  const few = signed(await request(store, { renew: ['root'] }, start), root1, root2);
  await expect(apply(store, few, [online], start)).rejects.toMatchObject({ code: 'threshold-not-met' });
});

it('a publisher that is killed after the root is placed is finished by the same command', async () => {
  const { store, pinned } = await repository();
  const fresh = newKey();
  const wishes = { add: [{ role: 'online', key: fresh }], revoke: [{ role: 'online', keyId: online.keyId }] };
  const made = signed(await request(store, wishes, start), root1, root2);
  const dying: StoreWriter = Object.assign(Object.create(store) as StoreWriter, {
    compareAndSwap: () => Promise.reject(new Error('killed')),
  });
  await expect(apply(dying, made, [fresh], start)).rejects.toThrow('killed');
  // The new root is there, and the timestamp is still of the old key.
  await expect(device(store, pinned, start)).rejects.toMatchObject({ code: 'metadata-signature-invalid' });
  await apply(store, made, [fresh], start);
  expect(await (await device(store, pinned, start)).releases('k3s-edge')).toEqual(['1.0.0']);
});

it('a thief of the online key who raised the versions to their end is overcome by its rotation', async () => {
  const { bench, store, pinned } = await repository();
  const state = await loadRepository(store);
  const known = new Map<string, Uint8Array>([['root', pinned]]);
  const highest = Number.MAX_SAFE_INTEGER;
  const snapshot = signDocument('snapshot', nextSnapshot(state.snapshotMeta, highest, start), [online]);
  await store.putNew(documentKey(snapshot), snapshot.bytes);
  const timestamp = signDocument('timestamp', nextTimestamp(describeDocument(snapshot), highest, start), [online]);
  await store.compareAndSwap(timestampKey, state.timestampEtag, timestamp.bytes);
  const fooled = await refreshTrust({ known, fetch: fetchFrom(store), now: start });
  expect(fooled.timestampVersion).toBe(highest);
  const stuck = publish(bench, store, 'two', { version: '2.0.0', counter: 2, keys: [ci, online] });
  await expect(stuck).rejects.toMatchObject({ code: 'version-exhausted' });
  const fresh = newKey();
  const wishes = { add: [{ role: 'online', key: fresh }], revoke: [{ role: 'online', keyId: online.keyId }] };
  await apply(store, signed(await request(store, wishes, start), root1, root2), [fresh], start);
  await publish(bench, store, 'two', { version: '2.0.0', counter: 2, keys: [ci, fresh] });
  const cured = await refreshTrust({ known: fooled.documents, fetch: fetchFrom(store), now: start });
  expect(cured.timestampVersion).toBe(2);
  expect(await cured.findTarget('k3s-edge/linux-amd64/2.0.0/release.json')).toBeDefined();
});

it('a request that does not fit any more, or was tampered with, changes nothing', async () => {
  const { store } = await repository();
  const first = signed(await request(store, renewAll, start), root1, root2, targets1, targets2);
  const other = signed(await request(store, { thresholds: new Map([['root', 1]]) }, start), root1, root2);
  await apply(store, first, [online], start);
  await expect(apply(store, other, [online], start)).rejects.toMatchObject({ code: 'publish-contended' });
  await expect(apply(store, first, [online], start)).rejects.toMatchObject({ code: 'publish-contended' });

  const text = new TextDecoder().decode(encodeRequest(first));
  // What it was before stands behind what it becomes.
  const [after = '', before = ''] = text.split(',"before":');
  const lowered = (part: string) => part.replaceAll('"threshold":2', '"threshold":1');
  const decoded = (parts: string[]) => decodeRequest(new TextEncoder().encode(parts.join(',"before":')), 'r');
  expect(() => decoded([after, lowered(before)])).toThrow(/not signed by the repository/);
  expect(missingSignatures(decoded([lowered(after), before]))).not.toEqual([]);
  for (const bytes of ['{}', '[]', 'no json', text.slice(0, -9)]) {
    expect(() => decodeRequest(new TextEncoder().encode(bytes), 'r')).toThrow(/no request for a change of keys/);
  }
});

it('is told in words to whoever signs it', async () => {
  const { store } = await repository();
  const fresh = newKey();
  const wishes = {
    add: [{ role: 'root', key: fresh }],
    revoke: [{ role: 'root', keyId: root1.keyId.slice(0, 12) }],
    thresholds: new Map([['root', 3]]),
  };
  const [first, ...lines] = describeChange(await request(store, wishes, start));
  expect(first).toBe('root 1 becomes 2: it ends at 2027-01-01T00:00:00Z, not at 2027-01-01T00:00:00Z');
  expect(lines.slice(0, 2)).toEqual([
    `root: the key ${root1.keyId.slice(0, 12)} is revoked`,
    `root: the key ${fresh.keyId.slice(0, 12)} is added`,
  ]);
  expect(lines[2]).toMatch(/^root: 3 of the keys .* sign from now on \(2 of 3 before\)$/);
});

it.each([
  ['a role that nobody has', { add: [{ role: 'nobody', key: root1 }] }, 'product-unknown'],
  ['a key that the role has', { add: [{ role: 'root', key: root1 }] }, 'metadata-key-duplicated'],
  ['a key that the role does not have', { revoke: [{ role: 'root', keyId: '0'.repeat(64) }] }, 'usage'],
  ['too little of a key id', { revoke: [{ role: 'root', keyId: root1.keyId.slice(0, 4) }] }, 'usage'],
  [
    'fewer keys than have to sign',
    { revoke: [root1, root2].map(({ keyId }) => ({ role: 'root', keyId })) },
    'threshold-not-met',
  ],
  ['a product that is there', { newRoles: ['k3s-edge'], add: [{ role: 'k3s-edge', key: newKey() }] }, 'usage'],
  ['nothing', {}, 'usage'],
])('a wish for %s is refused', async (_what, wishes, code) => {
  const { store } = await repository();
  await expect(request(store, wishes, start)).rejects.toMatchObject({ code });
});
