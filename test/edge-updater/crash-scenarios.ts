/** What a device does to its disk, from adopting a box to going back twice, and what has to be so wherever that was cut off. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { memorySource } from '../../delta/byte-source.ts';
import { openDelta } from '../../delta/open-delta.ts';
import { readAdoption } from '../../edge-updater/adapters/box/adoption-file.ts';
import { MetadataDirectory } from '../../edge-updater/adapters/disk/metadata-directory.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption } from '../fakes/interruption.ts';
import { smallProgram, writeDelta } from '../fakes/small-delta.ts';
import {
  adoptInstalled,
  type CrashDeedName,
  crashDeed,
  installByHand,
  installedAt,
  installedBytes,
  unitsAt,
  unitsOfAdopted,
} from './crash-deeds.ts';
import { expectRowsOf, rolledBackByHand } from './undone-box.ts';
import { allScenarios, expectWholeBox, prepareBox, publishK3s } from './updated-box.ts';

/** A machine before it does what is cut off. */
export interface Prepared {
  readonly edge: EdgeDevice;
  readonly box: AdoptedBox;
  /** What it does, done to this machine. */
  readonly deed: CrashDeedName;
  /** What a later process does in any case, and a person or the server asks for then. */
  readonly ask: (device: Device) => Promise<void>;
  /** @param isAsked whether `ask` was done: there is one end then */
  readonly expectWhole: (device: Device, isAsked: boolean, what: string) => Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly prepare: () => Promise<Prepared>;
  /** Of all changes those that are cut off, by the file; every one unless said. */
  readonly isPart?: (file: string) => boolean;
}

/** An update of an adopted box, or of one that `before` brings further. */
function updated(
  kind: (typeof allScenarios)[number],
  before: (prepared: Awaited<ReturnType<typeof prepareBox>>) => Promise<void> = async () => undefined,
) {
  return async (): Promise<Prepared> => {
    const prepared = await prepareBox(kind);
    const { edge, box, old, next } = prepared;
    await before(prepared);
    const end = kind.isSick ? old : next;
    return {
      ...{ edge, box, deed: 'update', ask: askAgain },
      expectWhole: (device, isAsked, what) =>
        expectWholeBox(edge, box, device, { old, allowed: isAsked ? [end] : [old, next] }, what),
    };
  };
}

async function askAgain(device: Device): Promise<void> {
  device.forgetRejections();
  await device.check(never, patience, 'person');
}

const [good, migrating, sick] = allScenarios;

/** The device was killed with a part of the release on its disk. */
async function cutDownload({ edge, box }: { edge: EdgeDevice; box: AdoptedBox }): Promise<void> {
  const probe = new Interruption(0, 'fails');
  const rewind = edge.capture();
  await update(startOf(edge, box, probe));
  rewind();
  box.running = edge.slots.currentLink;
  box.recount();
  const at = probe.calls.indexOf('part.sync') + 2;
  await update(startOf(edge, box, new Interruption(at, 'killed before'))).catch(() => undefined);
  expect(existsSync(path.join(edge.stateDirectory, 'downloads/ledger.json'))).toBe(true);
}

async function byDelta(): Promise<Prepared> {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  const { base, target, ...text } = smallProgram();
  const old = publishK3s(edge, '1.33.9+k3s1', 1, {}, { bytes: base });
  edge.server.offered = old.manifest;
  await update(crashDeed('update by deltas').start(edge, box));
  const delta = writeDelta({ base, target, ...text });
  const { needs } = openDelta(memorySource(delta));
  const [length, digest, fromSha256] = [delta.length, sha256(delta), sha256(base)];
  edge.server.blobs.set(digest, delta);
  const deltas = [{ encoding: 'identity', format: 'slipway', needs, length, sha256: digest, fromSha256 } as const];
  const next = publishK3s(edge, '1.34.1+k3s1', 2, {}, { bytes: target, deltas: [...deltas] });
  edge.server.offered = next.manifest;
  return {
    ...{ edge, box, deed: 'update by deltas', ask: askAgain },
    expectWhole: (device, isAsked, what) =>
      expectWholeBox(
        ...([edge, box, device] as const),
        { old: old.digest, allowed: isAsked ? [next.digest] : [old.digest, next.digest] },
        what,
      ),
  };
}

/** Back by an operator, then on to a release that is sick, and back from that as well. */
async function backTwice(): Promise<Prepared> {
  const { edge, box, old, next } = await prepareBox({ ...good, storage: 2 });
  await update(startOf(edge, box));
  expect(box.running).toBe(next);
  const worse = publishK3s(edge, '1.34.2+k3s1', 3);
  box.storage.set(worse.digest, 2);
  box.sick.add(worse.digest);
  edge.server.offered = worse.manifest;
  return {
    ...{ edge, box, deed: 'go back and update' },
    ask: async (device) => {
      if (device.state.previous) await device.rollBack(never, patience);
      await askAgain(device);
    },
    expectWhole: (device, isAsked, what) =>
      expectWholeBox(edge, box, device, { old, allowed: isAsked ? [old] : [old, next, worse.digest] }, what),
  };
}

/** The release does not say what it unpacks to: K3s does that itself, at its start, and flushes nothing. */
async function unpackedByK3s(): Promise<Prepared> {
  const { edge, box, old } = await prepareBox(good);
  const stated = { distribution: { name: 'k3s', version: '1.34.2+k3s1', component: 'part-0' } } as const;
  const next = publishK3s(edge, '1.34.2+k3s1', 3, stated);
  box.storage.set(next.digest, 2);
  edge.server.offered = next.manifest;
  return {
    ...{ edge, box, deed: 'update', ask: askAgain },
    expectWhole: (device, isAsked, what) =>
      expectWholeBox(edge, box, device, { old, allowed: isAsked ? [next.digest] : [old, next.digest] }, what),
  };
}

/** Back by an operator, and then the same operator takes that back. */
function undone(isSick: boolean) {
  return async (): Promise<Prepared> => {
    const { edge, box, old, next, rows } = await rolledBackByHand();
    if (isSick) box.sick.add(next);
    const undo = async (device: Device) => {
      if (device.state.setAside) await device.undoRollBack(never, patience);
    };
    return {
      ...{ edge, box, deed: 'undo a rollback', ask: undo },
      expectWhole: async (device, isAsked, what) => {
        const allowed = isAsked ? [isSick ? old : next] : [old, next];
        await expectWholeBox(edge, box, device, { old: 'none', allowed }, what);
        expectRowsOf(box, { old, next }, rows, what);
      },
    };
  };
}

/** The third release of a box: what the first one left goes. */
async function pruned(): Promise<Prepared> {
  const { edge, box, next } = await prepareBox(good);
  await update(startOf(edge, box));
  const third = publishK3s(edge, '1.34.2+k3s1', 3);
  box.storage.set(third.digest, 2);
  edge.server.offered = third.manifest;
  return {
    ...{ edge, box, deed: 'update', ask: askAgain },
    expectWhole: async (device, isAsked, what) => {
      const { currentLink = '' } = edge.slots;
      const allowed = isAsked ? [third.digest] : [next, third.digest];
      // The one before has written over data of the first.
      await expectWholeBox(edge, box, device, { old: 'none', allowed }, what);
      if (currentLink === next) expect(new Set(box.writers()).has(third.digest), what).toBe(false);
    },
  };
}

async function rotated(): Promise<Prepared> {
  const prepared = await updated(good)();
  const { edge } = prepared;
  edge.repository.rotateOnline(new Date(edge.clock.now()));
  const rootVersion = () => {
    const { documents } = new MetadataDirectory(edge.stateDirectory, edge.rootFile, 0).load();
    return JSON.parse(Buffer.from(documents.get('root') ?? []).toString('utf8')).signed.version as number;
  };
  return {
    ...prepared,
    expectWhole: async (device, isAsked, what) => {
      await prepared.expectWhole(device, isAsked, what);
      expect(isAsked ? [2] : [1, 2], what).toContain(rootVersion());
    },
  };
}

/** From a program that an installer has put there to a link into a slot, with the files of systemd and the record of the box. */
async function adopted(): Promise<Prepared> {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  installByHand(edge);
  return {
    ...{ edge, box, deed: 'adopt' },
    ask: (device) => adoptInstalled(device, edge, box),
    expectWhole: async (device, isAsked, what) => {
      // At each moment the unit has a program to start, and it is the one that was installed.
      expect(readFileSync(installedAt(edge)).equals(installedBytes), what).toBe(true);
      // The updater asks an actor from when its record says so: by then each file of systemd is whole.
      const record = readAdoption(edge.stateDirectory);
      for (const { name, text } of record?.actor ? unitsOfAdopted(edge, record) : []) {
        expect(readFileSync(path.join(unitsAt(edge), name), 'utf8'), what).toBe(text);
      }
      if (!isAsked) return;
      const current = path.join(edge.stateDirectory, 'current/bin/k3s');
      expect(readFileSync(current).equals(installedBytes), what).toBe(true);
      expect(device.state.current?.manifestSha256, what).toBe(edge.slots.currentLink);
      expect(manifestOf(edge)?.version, what).toBe('1.33.9+k3s1');
    },
  };
}

function manifestOf({ slots }: EdgeDevice): ReleaseManifest | undefined {
  return slots.manifest(slots.currentLink ?? '');
}

export const crashScenarios: readonly Scenario[] = [
  { name: 'adopting a box', prepare: adopted },
  { name: 'a full update', prepare: updated(good) },
  { name: 'an update by a delta', prepare: byDelta },
  {
    name: 'a download that goes on',
    prepare: updated(good, cutDownload),
    isPart: (file) => file.includes('/downloads/'),
  },
  { name: 'the copy of the data', prepare: updated(migrating), isPart: (file) => file.includes('/slipway/snapshots/') },
  {
    ...{ name: 'the switch', prepare: updated(good) },
    isPart: (file) => /\/(current|previous|hold|owner\.json)(\.tmp)?$|\/journal\//.test(file),
  },
  { name: 'going back over data that both can read', prepare: updated(sick) },
  { name: 'going back with the data', prepare: updated(migrating) },
  { name: 'going back twice', prepare: backTwice },
  { name: 'undoing a rollback', prepare: undone(false) },
  { name: 'undoing a rollback to a release that is sick', prepare: undone(true) },
  {
    ...{ name: 'the newer data set aside', prepare: updated(migrating) },
    isPart: (file) => /\/slipway\/(aside|exchange)|\/box\/server|\/etc\//.test(file),
  },
  { name: 'deleting what is left', prepare: pruned },
  { name: 'a new root', prepare: rotated, isPart: (file) => file.includes('/metadata/') },
];

/** No box is adopted: nothing is held, claimed or copied, so the links have to last by themselves. */
async function notAdopted(): Promise<Prepared> {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  const old = publishK3s(edge, '1.33.9+k3s1', 1);
  edge.server.offered = old.manifest;
  await update(crashDeed('update without a box').start(edge, box));
  const next = publishK3s(edge, '1.34.1+k3s1', 2);
  edge.server.offered = next.manifest;
  return {
    ...{ edge, box, deed: 'update without a box', ask: askAgain },
    expectWhole: async ({ state }, _, what) => {
      expect([edge.slots.currentLink, box.running, state.current?.manifestSha256], what).toEqual(
        Array(3).fill(next.digest),
      );
    },
  };
}

/**
 * The order of these is looked at alone. What K3s has half unpacked when the power is cut, only K3s could put right; and a device
 * without a box has its own matrix.
 */
export const orderOnly: readonly Scenario[] = [
  { name: 'a release that K3s unpacks', prepare: unpackedByK3s },
  { name: 'a device without a box', prepare: notAdopted },
];
