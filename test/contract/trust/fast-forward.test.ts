/** A thief of the online key raises versions as far as they go; the owner's new root makes a device begin anew. */
import { Metadata, MetadataKind, type Root } from '@tufjs/models';
import { Role } from '@tufjs/models/dist/role.js';
import { expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import type { MetadataSet } from '../../../contract/trust/trusted-set.ts';
import type { MetadataStore } from '../../../edge-updater/ports.ts';
import { refreshTrustedSet } from '../../../edge-updater/trust/refresh-trust.ts';
import { signDocument } from '../../../system/signing/signed-document.ts';
import type { SigningKey } from '../../../system/signing/signing-key.ts';
import { newSigningKey, SignedRepository, smallRelease } from '../../fakes/signed-repository.ts';

const start = new Date('2026-11-01T00:00:00Z');
const highest = Number.MAX_SAFE_INTEGER;

function device(pinned: MetadataSet): MetadataStore {
  let kept = { documents: pinned, timeFloor: 0 };
  return {
    load: () => kept,
    replace: (next) => {
      kept = next;
    },
  };
}

async function check(repository: SignedRepository, store: MetadataStore): Promise<number> {
  const { repository: trusted, keep } = await refreshTrustedSet(repository.fetch, store, start.getTime());
  keep();
  return trusted.timestampVersion;
}

/** Signs the next root, whose snapshot and timestamp are those of `online`. */
function rotateOnline(repository: SignedRepository, version: number, online: readonly SigningKey[]): void {
  const json = JSON.parse(new TextDecoder().decode(repository.root.bytes));
  const { signed }: { signed: Root } = Metadata.fromJSON(MetadataKind.Root, json);
  Object.assign(signed, { version });
  for (const key of online) signed.keys[key.keyId] = key.key;
  const keyIDs = online.map(({ keyId }) => keyId);
  for (const role of ['snapshot', 'timestamp']) signed.roles[role] = new Role({ keyIDs, threshold: 1 });
  repository.files.set(`${version}.root.json`, signDocument('root', signed, [repository.keys.root]).bytes);
}

/** A device that has believed what the thief signed, and the repository as its owner has it again. */
async function attacked() {
  const repository = new SignedRepository(start);
  repository.publish(start, smallRelease('1.0.0', 1));
  const store = device(repository.pinned);
  const before = repository.capture();
  const own = repository.version;
  repository.version = highest - 1;
  repository.publish(start);
  expect(await check(repository, store)).toBe(highest);
  repository.restore(before);
  repository.version = own;
  return { repository, store, stolen: repository.keys.online };
}

it('nothing of the owner is believed while the root names the stolen key', async () => {
  const { repository, store, stolen } = await attacked();
  repository.publish(start);
  await expect(check(repository, store)).rejects.toMatchObject({ code: 'metadata-rolled-back' });
  const fresh = newSigningKey();
  rotateOnline(repository, 2, [stolen, fresh]);
  repository.keys.online = fresh;
  repository.publish(start);
  await expect(check(repository, store)).rejects.toMatchObject({ code: 'metadata-rolled-back' });
});

it('a root without the stolen key resets snapshot and timestamp, also where it was seen in an earlier check', async () => {
  const { repository, store } = await attacked();
  const fresh = newSigningKey();
  rotateOnline(repository, 2, [fresh]);
  repository.files.delete('timestamp.json');
  await expect(check(repository, store)).rejects.toMatchObject({ code: 'metadata-missing' });
  repository.keys.online = fresh;
  repository.publish(start);
  expect(await check(repository, store)).toBe(repository.version);
  // From then on versions only grow again.
  const old = repository.capture();
  repository.publish(start);
  await check(repository, store);
  repository.restore(old);
  await expect(check(repository, store)).rejects.toMatchObject({ code: 'metadata-rolled-back' });
});

it('more roots than one check follows are followed by the next ones', async () => {
  const repository = new SignedRepository(start);
  const newest = 2 * limits.maxRootRotations + 3;
  for (let version = 2; version <= newest; version++) rotateOnline(repository, version, [repository.keys.online]);
  repository.publish(start);
  const store = device(repository.pinned);
  for (const _ of [1, 2]) await expect(check(repository, store)).rejects.toMatchObject({ code: 'root-behind' });
  expect(await check(repository, store)).toBe(repository.version);
  const root = JSON.parse(new TextDecoder().decode(store.load().documents.get('root')));
  expect(root.signed.version).toBe(newest);
});
