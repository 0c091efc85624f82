/**
 * A device that runs 1.0.0 and is offered 2.0.0 by somebody who attacks it. Whatever happens, it goes on running 1.0.0,
 * tells the reason by a code, writes nothing outside of its state directory, and takes 3.0.0 once all is well again.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { type Digest, sha256 } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { ReleaseManifest } from '../../../contract/release/manifest.ts';
import type { Device } from '../../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never } from '../../fakes/edge-device.ts';

export interface Scene {
  readonly edge: EdgeDevice;
  readonly first: Published;
  /** Signed, served and offered. */
  readonly second: Published;
  /** What was served before 1.0.0. */
  readonly oldest: ReadonlyMap<string, Uint8Array>;
}

interface Published {
  readonly manifest: ReleaseManifest;
  readonly digest: Digest;
}

/** Who does what, the code that the device tells, and how it is done. */
export type Attack = readonly [what: string, code: string, act: (scene: Scene) => void];

export async function withstand(code: string, act: Attack[2]): Promise<void> {
  using edge = new EdgeDevice();
  writeFileSync(path.join(edge.folder, 'neighbour'), 'not the updater’s');
  const device = edge.start();
  await device.recover(never);
  const oldest = edge.repository.capture();
  const first = await take(edge, device, '1.0.0', 1);
  const second = edge.publish('2.0.0', 2, filesOf('2.0.0'));
  edge.server.offered = second.manifest;
  const good = [edge.repository.capture(), new Map(edge.server.blobs), new Map(edge.server.manifests)] as const;
  const outside = outsideOf(edge);

  act({ edge, first, second, oldest });
  const outsideThen = outsideOf(edge);
  expect(await codeOfCheck(device)).toBe(code);
  expect([edge.slots.currentLink, edge.service.running]).toEqual([first.digest, first.digest]);
  expect(device.state.current?.version).toBe('1.0.0');
  expect(outsideOf(edge)).toEqual(outsideThen);
  expect(outsideThen).toEqual(outside);

  edge.repository.restore(good[0]);
  for (const [digest, bytes] of good[1]) edge.server.blobs.set(digest, bytes);
  for (const [digest, bytes] of good[2]) edge.server.manifests.set(digest, bytes);
  edge.server.answer = undefined;
  // The versions of what an attacker signed are passed, as an owner would pass them.
  edge.repository.version += 5;
  await take(edge, device, '3.0.0', 1000);
}

async function take(edge: EdgeDevice, device: Device, version: string, counter: number): Promise<Published> {
  const release = edge.publish(version, counter, filesOf(version));
  edge.server.offered = release.manifest;
  await device.check(never);
  expect(device.state.current?.version).toBe(version);
  return release;
}

function filesOf(version: string) {
  return [
    { path: 'bin/server', bytes: bytesOf(version, 3000) },
    { path: 'data', bytes: bytesOf(`data ${version}`, 2000) },
  ];
}

async function codeOfCheck(device: Device): Promise<string> {
  try {
    const { attempt, held } = await device.check(never, 3);
    return attempt?.code ?? held?.code ?? attempt?.outcome ?? 'nothing';
  } catch (error) {
    if (error instanceof SlipwayError) return error.code;
    throw error;
  }
}

/** Digests of everything beside the state directory. */
function outsideOf(edge: EdgeDevice): Record<string, string> {
  const files = readdirSync(edge.folder, { recursive: true, withFileTypes: true });
  const isInside = (file: string) => file.startsWith(`${edge.stateDirectory}${path.sep}`);
  return Object.fromEntries(
    files
      .map((entry) => [entry, path.join(entry.parentPath, entry.name)] as const)
      .filter(([, file]) => !isInside(file))
      .map(([entry, file]) => [file, entry.isFile() ? sha256(readFileSync(file)) : 'no file']),
  );
}
