/**
 * Adopts a box: makes a slot of what is installed, so that the first update can go back and can be a delta, and puts a
 * link where the program was. Each step may be done again: an adoption that was cut off is ended by the next.
 */
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { forgetFolder, readAdoption, removeAdoption, writeAdoption } from '../adapters/box/adoption-file.ts';
import { giveProgramBack, installPathOf, isOurLink, linkProgram, originalOf } from '../adapters/box/box-program.ts';
import { endActor, removeUnitFiles, writeUnitFiles } from '../adapters/box/unit-folder.ts';
import { BoxDataDirectory } from '../adapters/datastore/box-data.ts';
import { holdFileOf } from '../adapters/datastore/hold-file.ts';
import { streamOfFile } from '../adapters/disk/file-stream.ts';
import { actorFolder, actorSocketFile } from '../adoption/actor-units.ts';
import type { Adoption, OriginalProgram } from '../adoption/adoption.ts';
import { slotOfInstalled } from '../adoption/slot-of-installed.ts';
import { type UnitFile, unitFilesOf } from '../adoption/unit-files.ts';
import type { Box } from '../box/box.ts';
import type { OpenDevice } from '../commands/command-context.ts';
import type { Configuration } from '../configuration.ts';

/** How the updater itself is started, for the unit that looks at the box at boot. */
interface UpdaterPlace {
  readonly program: string;
  readonly configFile: string;
}

/** As this very process was started. */
export function updaterPlace(configFile: string): UpdaterPlace {
  return { program: path.resolve(process.argv[1] ?? 'slipway-edge'), configFile: path.resolve(configFile) };
}

function adoptionFiles(adoption: Adoption, { stateDir }: Configuration, updater: UpdaterPlace): UnitFile[] {
  return unitFilesOf(adoption, holdFileOf(stateDir), { unit: 'slipway-edge.service', ...updater });
}

/** @throws SlipwayError `box-unknown`, `box-ambiguous`, `box-contradicted`, `unit-not-ours`, codes of the disk */
export async function adoptBox({ device, configuration }: OpenDevice, updater: UpdaterPlace): Promise<Adoption> {
  if (device.state.update.phase !== 'idle') throw underWay('adopted');
  const { stateDir } = configuration;
  const box = await boxToAdopt(device, configuration);
  const earlier = readAdoption(stateDir);
  const isLinked = earlier?.program === box.program && isOurLink(stateDir, earlier);
  const adoption =
    earlier && isLinked ? { ...earlier, ...factsOf(box) } : await installedAsSlot(box, device, configuration);
  await endActor();
  await new BoxDataDirectory(adoption, stateDir).claim(device.state.current?.manifestSha256 ?? '');
  if (!isLinked) linkProgram(stateDir, adoption);
  // The updater asks the actor from when its record says so: that comes last.
  const acted = { ...adoption, actor: actorSocketFile };
  writeAdoption(actorFolder, acted);
  await writeUnitFiles(adoptionFiles(acted, configuration, updater));
  writeAdoption(stateDir, acted);
  return acted;
}

async function boxToAdopt(device: OpenDevice['device'], { service }: Configuration): Promise<Box> {
  const reading = (await device.world.box?.read()) ?? { kind: 'none' };
  if (reading.kind === 'refused') throw new SlipwayError(reading.code, reading.message);
  if (reading.kind === 'none') {
    throw new SlipwayError('box-unknown', 'no unit of this machine runs K3s or K0s', {
      hint: 'Install K3s or K0s first, or name its unit with service.unit in edge.yaml.',
    });
  }
  const { box } = reading;
  if (service.manager !== 'systemd' || service.unit !== box.unit) {
    throw new SlipwayError('box-contradicted', `the box is ${box.unit}, but the service of edge.yaml is another`, {
      hint: `Write service: {manager: systemd, unit: ${box.unit}} in edge.yaml.`,
    });
  }
  return box;
}

/** The record is durable before the program is replaced: it says what was there. */
export async function installedAsSlot(
  box: Box,
  device: OpenDevice['device'],
  configuration: Pick<Configuration, 'stateDir' | 'product' | 'platform'>,
): Promise<Adoption> {
  const { stateDir, product, platform } = configuration;
  const { slots } = device.world;
  const linked = installPathOf(stateDir, box.program);
  if (linked !== undefined && device.state.current) {
    // Somebody made the link by hand: the slot that it leads to is what is adopted.
    return recorded(stateDir, box, linked, await originalOf(box.program));
  }
  if (box.program.startsWith(`${stateDir}/`)) {
    throw new SlipwayError('unit-not-ours', `${box.unit} starts ${box.program}, which lies inside the slots`, {
      hint: 'Let the unit start a path outside of them, such as /usr/local/bin/k0s, and put a copy of the program there.',
    });
  }
  if (box.version === undefined) {
    throw new SlipwayError('box-unknown', `${box.unit} does not say which version it runs`, {
      hint: `Start it with systemctl start ${box.unit}, and run the command again as root.`,
    });
  }
  const original = await originalOf(box.program);
  const installPath = `bin/${box.distribution}`;
  const installed = { ...box, version: box.version, installPath };
  const slot = slotOfInstalled(installed, { product, platform, sha256: original.sha256, length: original.length });
  if (!slots.has(slot.release.manifestSha256)) {
    slots.beginStaging(slot.release.manifestSha256);
    await slots.stage(slot.release.manifestSha256, slot.component, streamOfFile(box.program, original.length));
    slots.seal(slot.release.manifestSha256, slot.manifestBytes);
  }
  const adoption = recorded(stateDir, box, installPath, original);
  device.adopt(slot.release);
  return adoption;
}

function recorded(stateDir: string, box: Box, installPath: string, original: OriginalProgram): Adoption {
  const adoptedAt = new Date().toISOString();
  const adoption: Adoption = { schemaVersion: 1, adoptedAt, ...factsOf(box), installPath, original };
  writeAdoption(stateDir, adoption);
  return adoption;
}

function factsOf({ distribution, role, unit, program, dataDir, datastore, configuration = [] }: Box) {
  const facts = { distribution, role, unit, program, dataDir, datastore: datastore.kind, members: datastore.members };
  return { ...facts, configuration: [...configuration] };
}

/** @throws SlipwayError `box-unknown` where none is adopted */
export async function unadoptBox({ device, configuration }: OpenDevice, updater: UpdaterPlace): Promise<Adoption> {
  const { stateDir } = configuration;
  const adoption = readAdoption(stateDir);
  if (!adoption) {
    throw new SlipwayError('box-unknown', 'no box is adopted here', { hint: 'Nothing has to be undone.' });
  }
  if (device.state.update.phase !== 'idle') throw underWay('given back');
  await endActor();
  if (isOurLink(stateDir, adoption)) await giveProgramBack(stateDir, adoption);
  await removeUnitFiles(adoptionFiles(adoption, configuration, updater));
  new BoxDataDirectory(adoption, stateDir).forget();
  forgetFolder(actorFolder);
  removeAdoption(stateDir);
  return adoption;
}

function underWay(what: string): SlipwayError {
  return new SlipwayError('update-interrupted', `an update is under way, no box can be ${what} now`, {
    hint: 'Wait for its end, or start slipway-edge run to end it.',
  });
}
