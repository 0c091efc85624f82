/** Finds the box: asks the machine step by step, each time for what the facts before point to, and lets pure code tell. */
import * as z from 'zod';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { versionSchema } from '../../contract/release/version.ts';
import { parseDocument } from '../../system/documents/document.ts';
import type { Box, BoxReading, StatedBox } from './box.ts';
import type { BoxMachine } from './box-machine.ts';
import { type ChosenUnit, chooseUnit, type UnitQuestion, unitsToAsk } from './choose-unit.ts';
import { lastOf } from './command-options.ts';
import { parseEnvironmentFile } from './environment-file.ts';
import { trimmed } from './folder-name.ts';
import { boxOfK0s, type K0sSettings, k0sDefaults, k0sOptions, placeOfK0s } from './k0s-box.ts';
import { clusterConfigSchema, type K0sStorage } from './k0s-status.ts';
import { boxOfK3s, type K3sSettings, placeOfK3s } from './k3s-box.ts';
import { configFileOf, k3sDefaults, k3sOptions, partsOf, type TextFile } from './k3s-configuration.ts';

/** Never throws: a refusal is an answer. */
export async function readBox(machine: BoxMachine, question: UnitQuestion): Promise<BoxReading> {
  try {
    const box = await findBox(machine, question);
    return box ? { kind: 'box', box } : { kind: 'none' };
  } catch (thrown) {
    const { code, message } = toSlipwayError(thrown);
    return { kind: 'refused', code, message };
  }
}

/**
 * @returns undefined where no unit here runs K3s or K0s
 * @throws SlipwayError `box-ambiguous`, `box-contradicted`, `permission-denied`, `io-error`
 */
async function findBox(machine: BoxMachine, question: UnitQuestion): Promise<Box | undefined> {
  const chosen = chooseUnit(await machine.units(unitsToAsk(question)), question);
  if (chosen === undefined) return undefined;
  const { distribution } = question.stated;
  if (distribution !== undefined && distribution !== chosen.distribution) {
    const found = `${chosen.unit.name} starts ${chosen.unit.program}`;
    throw new SlipwayError('box-contradicted', `box.distribution of edge.yaml is ${distribution}, but ${found}`, {
      hint: 'Correct box.distribution in edge.yaml, or leave it out.',
    });
  }
  return chosen.distribution === 'k3s'
    ? findK3s(machine, chosen.unit, question.stated)
    : findK0s(machine, chosen.unit, question.stated);
}

async function findK3s(machine: BoxMachine, found: ChosenUnit['unit'], stated: StatedBox): Promise<Box> {
  const environment = environmentOf(machine, found);
  const configFile = configFileOf(found.args, environment);
  const options = k3sOptions(configurationOf(machine, configFile), found.args);
  const places = [lastOf(options, 'data-dir'), environment.get('K3S_DATA_DIR'), stated.dataDir, k3sDefaults.dataDir];
  const executable = belowNamed(machine, executableOf(machine, found), places);
  const settings: K3sSettings = { unit: found, environment, options, executable, stated };
  const place = placeOfK3s(settings);
  const inData = (name: string) => `${place.dataDir}/${name}`;
  const text = executable === undefined ? undefined : await machine.versionTextOf(found.mainPid);
  return boxOfK3s(settings, {
    place,
    etcd: {
      isThere: machine.names(inData('server/db/etcd')).length > 0,
      members: machine.etcdMembers(inData('server/db/etcd')),
    },
    certifiedName: machine.certifiedNode(inData('agent/client-kubelet.crt')),
    version: versionIn(text),
    configFile,
  });
}

async function findK0s(machine: BoxMachine, unit: ChosenUnit['unit'], stated: StatedBox): Promise<Box> {
  const options = k0sOptions(unit.args);
  const socket = lastOf(options, 'status-socket') ?? k0sDefaults.statusSocket;
  const status = unit.isActive ? await machine.k0sStatus(socket) : undefined;
  const settings: K0sSettings = { unit, options, executable: executableOf(machine, unit), status, stated };
  const place = placeOfK0s(settings);
  const { kubeletDir } = place;
  const configFile = lastOf(options, 'config') ?? k0sDefaults.configFile;
  const certificate = kubeletDir && `${kubeletDir}/pki/kubelet-client-current.pem`;
  return boxOfK0s(settings, {
    place,
    storage: storageIn(machine, configFile),
    members: machine.etcdMembers(`${place.dataDir}/etcd`),
    certifiedName: certificate && machine.certifiedNode(certificate),
    configFile,
  });
}

/** A program that was replaced while it runs is told by its name; systemd itself is on its way to become one. */
function executableOf(machine: BoxMachine, { mainPid, program }: ChosenUnit['unit']): string | undefined {
  const found = mainPid === 0 ? undefined : machine.executableOf(mainPid)?.replace(/ \(deleted\)$/, '');
  if (found === undefined || /\/systemd(-executor)?$/.test(found)) return undefined;
  return found === machine.resolved(program) ? program : found;
}

/** The kernel names files without links; a data directory may be behind one. */
function belowNamed(machine: BoxMachine, file: string | undefined, folders: readonly (string | undefined)[]) {
  for (const folder of folders) {
    const real = folder && machine.resolved(folder);
    if (real && file?.startsWith(`${real}/data/`)) return `${trimmed(folder)}${file.slice(real.length)}`;
  }
  return file;
}

/** Later files win over earlier ones, and all of them over what the unit itself says. */
function environmentOf(machine: BoxMachine, { environment, environmentFiles }: ChosenUnit['unit']) {
  const files = environmentFiles.flatMap((file) => [...parseEnvironmentFile(machine.text(file) ?? '')]);
  return new Map([...environment, ...files]);
}

function configurationOf(machine: BoxMachine, file: string): TextFile[] {
  if (/^https?:/.test(file)) {
    throw new SlipwayError('box-ambiguous', `K3s reads its configuration from ${file}, which is not looked at`, {
      hint: 'Keep the configuration of K3s in a file.',
    });
  }
  const folder = `${file}.d`;
  const parts = partsOf(machine.names(folder)).map((name) => `${folder}/${name}`);
  return [file, ...parts].flatMap((each) => {
    const text = machine.text(each);
    return text === undefined ? [] : [{ path: each, text }];
  });
}

function storageIn(machine: BoxMachine, file: string): K0sStorage {
  const text = machine.text(file);
  if (text === undefined) return undefined;
  try {
    return parseDocument(text, clusterConfigSchema.or(z.null()), file)?.spec?.storage;
  } catch (cause) {
    throw new SlipwayError('box-ambiguous', `K0s cannot be told by its file: ${toSlipwayError(cause).message}`, {
      ...{ cause, hint: `Correct ${file}.` },
    });
  }
}

function versionIn(text: string | undefined): string | undefined {
  const [, version] = /^k3s version (\S+)/m.exec(text ?? '') ?? [];
  return versionSchema.safeParse(version).success ? version : undefined;
}
