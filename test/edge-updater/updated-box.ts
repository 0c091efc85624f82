/** An adopted box that is about to be updated, and what has to be so wherever that was cut off. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import type { Component, ReleaseManifest } from '../../contract/release/manifest.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { startOf, update } from '../fakes/box-start.ts';
import { bytesOf, EdgeDevice } from '../fakes/edge-device.ts';
import { sampled } from '../sampling.ts';

export const allScenarios = [
  { name: 'a good release', isSick: false, storage: 2 },
  { name: 'a release that migrates the datastore and is sick', isSick: true, storage: 2 },
  { name: 'a sick release that the older one can live with', isSick: true, storage: 1 },
] as const;
/** The last one goes the same way as the one before it: `npm run test:long`. */
export const scenarios = sampled(allScenarios, 2);

export async function prepareBox({ isSick, storage }: (typeof allScenarios)[number]) {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  const old = publishK3s(edge, '1.33.9+k3s1', 1);
  edge.server.offered = old.manifest;
  await update(startOf(edge, box));
  expect(box.running).toBe(old.digest);
  const next = publishK3s(edge, '1.34.1+k3s1', 2);
  box.storage.set(next.digest, storage);
  if (isSick) box.sick.add(next.digest);
  edge.server.offered = next.manifest;
  return { edge, box, old: old.digest, next: next.digest };
}

/** As the packager makes one of a K3s binary. */
export function publishK3s(
  edge: EdgeDevice,
  version: string,
  counter: number,
  stated: Partial<ReleaseManifest> = {},
  { bytes = bytesOf(version, 2000), deltas = [] }: { bytes?: Uint8Array; deltas?: Component['deltas'] } = {},
) {
  const distribution = { name: 'k3s', version, component: 'part-0', payload: sha256(bytes) } as const;
  const asProgram = (component: Component): Component => ({ ...component, kind: 'binary', mode: '0755', deltas });
  const newer = { schemaVersion: 2, minUpdaterVersion: '0.2.0', distribution } as const;
  return edge.publish(version, counter, [{ path: 'bin/k3s', bytes }], asProgram, { ...newer, ...stated });
}

/** @param ends the release before, whose data is never lost, and all that it may be on */
export async function expectWholeBox(
  edge: EdgeDevice,
  box: AdoptedBox,
  device: Device,
  ends: { readonly old: string; readonly allowed: readonly string[] },
  what: string,
) {
  const { old, allowed } = ends;
  const { currentLink = 'none' } = edge.slots;
  expect(device.state.update.phase, what).toBe('idle');
  expect(allowed, what).toContain(currentLink);
  expect(device.state.current?.manifestSha256, what).toBe(currentLink);
  expect(box.running, what).toBe(currentLink);
  // A journal that is lost later is made of the links.
  expect(edge.slots.previousLink, what).toBe(device.state.previous?.manifestSha256);
  // The release that runs wrote last, and an older one finds nothing of a newer one.
  expect(await box.data.owner(), what).toBe(currentLink);
  const writers = box.writers();
  expect(writers.at(-1), what).toBe(currentLink);
  // K3s' own links name what runs, and what they name is there.
  expect(box.linkedPayloads, what).toEqual([box.payloadOf(currentLink), box.payloadOf(currentLink)]);
  expect(existsSync(path.join(box.dataDir, 'data', box.payloadOf(currentLink), 'bin/k3s')), what).toBe(true);
  expect(readdirSync(path.join(box.dataDir, 'data')), what).not.toContain('.slipway-unpacking');
  if (currentLink === old) expect(new Set(writers), what).toEqual(new Set([old]));
  // Nothing that it wrote is lost: a copy that is put back was taken when it wrote last.
  if (currentLink === old) {
    expect(box.configuration, what).toEqual(['of the old release', 0o640, ['a.yaml']]);
    const own = writers.filter((writer) => writer === old).length;
    expect(own, what).toBe(box.written.get(old));
  }
  expect(box.data.isHeld, what).toBe(false);
  const folder = path.join(box.dataDir, 'slipway');
  expect(existsSync(path.join(folder, 'exchange.json')), what).toBe(false);
  const snapshots = path.join(folder, 'snapshots');
  expect(existsSync(snapshots) ? readdirSync(snapshots).length : 0, what).toBeLessThanOrEqual(1);
}
