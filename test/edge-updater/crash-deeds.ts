/** What a device does that is cut off, by name, so that another process can do it on the files of the same machine. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeAdoption } from '../../edge-updater/adapters/box/adoption-file.ts';
import { linkProgram } from '../../edge-updater/adapters/box/box-program.ts';
import { putUnitFiles } from '../../edge-updater/adapters/box/unit-folder.ts';
import type { Adoption } from '../../edge-updater/adoption/adoption.ts';
import { type UnitFile, unitFilesOf } from '../../edge-updater/adoption/unit-files.ts';
import type { Box } from '../../edge-updater/box/box.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { installedAsSlot } from '../../edge-updater/wiring/adopt-box.ts';
import type { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { deltasHere } from '../fakes/delta-applier.ts';
import { bytesOf, type EdgeDevice, never } from '../fakes/edge-device.ts';
import { product } from '../fakes/signed-repository.ts';

export interface CrashDeed {
  /** The updater, on what is on the disk. */
  readonly start: (edge: EdgeDevice, box: AdoptedBox) => Device;
  /** All of it, by a process that starts. */
  readonly act: (device: Device, edge: EdgeDevice, box: AdoptedBox) => Promise<void>;
}

const startWithDeltas = (edge: EdgeDevice, box: AdoptedBox) =>
  edge.start({ service: box, data: box.data, payloads: box.payloads, deltas: deltasHere });

const deeds = {
  update: { start: startOf, act: update },
  'update without a box': { start: (edge, box) => edge.start({ service: box }), act: update },
  'update by deltas': {
    start: startWithDeltas,
    act: async (device) => {
      await update(device);
      const { bytesOnWire } = device.state.lastAttempt?.transfer ?? {};
      // The program has 30,000 bytes.
      if (bytesOnWire === undefined || bytesOnWire > 10_000) throw new Error(`${bytesOnWire} bytes are no delta`);
    },
  },
  'go back and update': {
    start: startOf,
    act: async (device) => {
      await device.recover(never, patience);
      await device.rollBack(never, patience);
      await device.check(never, patience);
    },
  },
  'undo a rollback': {
    start: startOf,
    act: async (device) => {
      await device.recover(never, patience);
      await device.undoRollBack(never, patience);
    },
  },
  adopt: {
    start: startOf,
    act: async (device, edge, box) => {
      await device.recover(never, patience);
      await adoptInstalled(device, edge, box);
    },
  },
} as const satisfies Record<string, CrashDeed>;

export type CrashDeedName = keyof typeof deeds;

export function crashDeed(name: CrashDeedName): CrashDeed {
  return deeds[name];
}

export const installedBytes = bytesOf('as installed', 4000);

/** Where an installer puts the program of a box, and where systemd reads its units. */
export const installedAt = ({ folder }: EdgeDevice) => path.join(folder, 'usr/local/bin/k3s');
export const unitsAt = ({ folder }: EdgeDevice) => path.join(folder, 'etc/systemd/system');

export function installByHand(edge: EdgeDevice): void {
  mkdirSync(path.dirname(installedAt(edge)), { recursive: true });
  writeFileSync(installedAt(edge), installedBytes, { mode: 0o755 });
}

export async function adoptInstalled(device: Device, edge: EdgeDevice, box: AdoptedBox): Promise<void> {
  const found: Box = {
    ...({ distribution: 'k3s', role: 'server', unit: 'k3s.service', datastore: { kind: 'sqlite' } } as const),
    ...{ program: installedAt(edge), version: '1.33.9+k3s1', dataDir: box.dataDir },
  };
  const configuration = { stateDir: edge.stateDirectory, product, platform: 'linux/amd64' } as const;
  const adoption = await installedAsSlot(found, device, configuration);
  await box.data.claim(device.state.current?.manifestSha256 ?? '');
  linkProgram(edge.stateDirectory, adoption);
  const acted = { ...adoption, actor: '/run/slipway/actor.sock' };
  putUnitFiles(unitsOfAdopted(edge, acted), unitsAt(edge));
  writeAdoption(edge.stateDirectory, acted);
}

export function unitsOfAdopted(edge: EdgeDevice, adoption: Adoption): readonly UnitFile[] {
  const updater = {
    unit: 'slipway-edge.service',
    program: '/usr/local/bin/slipway-edge',
    configFile: '/etc/edge.yaml',
  };
  return unitFilesOf(adoption, path.join(edge.stateDirectory, 'hold'), updater);
}
