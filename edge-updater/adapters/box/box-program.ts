/**
 * Puts a link into the current slot where the program of an adopted box was, and gives the program back. The link is
 * absolute: the job of system-upgrade-controller copies over what a relative one leads to, through its own mount of the
 * root, and ends at an absolute one (k3s-upgrade, scripts/upgrade.sh).
 */
import { chmodSync, chownSync, copyFileSync, realpathSync, renameSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import {
  exists,
  flushFile,
  linkTargetOf,
  onDisk,
  remove,
  replaceLink,
  syncDirectory,
} from '../../../system/files/durable-file-sync.ts';
import type { Adoption, OriginalProgram } from '../../adoption/adoption.ts';
import { holdDropInOf } from '../../adoption/unit-files.ts';
import { digestOfFile } from '../disk/digest-of-file.ts';
import { systemUnits } from './unit-folder.ts';

type Linked = Pick<Adoption, 'program' | 'installPath'>;

function linkOf(stateDirectory: string, { installPath }: Linked): string {
  return path.join(stateDirectory, 'current', installPath);
}

export function isOurLink(stateDirectory: string, linked: Linked): boolean {
  return linkTargetOf(linked.program) === linkOf(stateDirectory, linked);
}

/** Of a program that is a link into the current slot; undefined for any other. */
export function installPathOf(stateDirectory: string, program: string): string | undefined {
  const current = `${path.join(stateDirectory, 'current')}/`;
  const target = linkTargetOf(program);
  return target?.startsWith(current) ? target.slice(current.length) : undefined;
}

/** @returns what makes the unit start something else than the current slot */
export function whyNotOurs(adoption: Adoption, stateDirectory: string): string | undefined {
  const { program, unit } = adoption;
  if (!isOurLink(stateDirectory, adoption)) return `${program} of ${unit} is not the link of the updater any more`;
  const dropIn = path.join(systemUnits, holdDropInOf(unit));
  return exists(dropIn) ? undefined : `${dropIn} is gone, without which nothing holds ${unit} during an update`;
}

export async function originalOf(program: string): Promise<OriginalProgram> {
  const linkTarget = linkTargetOf(program);
  const { mode, uid, gid, mtimeMs, size: length } = onDisk(`look at ${program}`, () => statSync(program));
  const sha256 = await digestOfFile(onDisk(`look for ${program}`, () => realpathSync(program)));
  return {
    mode: mode & 0o7777,
    uid,
    gid,
    mtimeMs,
    length,
    sha256,
    ...(linkTarget === undefined ? {} : { linkTarget }),
  };
}

/** One rename: at each moment the unit has a program to start. */
export function linkProgram(stateDirectory: string, linked: Linked): void {
  replaceLink(linked.program, linkOf(stateDirectory, linked));
}

/**
 * The release that runs stays: where it is still what was adopted, everything is as it was before, else its program has
 * the owner and mode of the one that was adopted.
 */
export async function giveProgramBack(stateDirectory: string, adoption: Adoption): Promise<void> {
  const { program, original } = adoption;
  const running = linkOf(stateDirectory, adoption);
  const isOriginal = (await digestOfFile(running)) === original.sha256;
  if (isOriginal && original.linkTarget !== undefined) {
    replaceLink(program, original.linkTarget);
    return;
  }
  onDisk(`give ${program} back`, () => {
    const temporary = `${program}.tmp`;
    remove(temporary);
    copyFileSync(running, temporary);
    chownSync(temporary, original.uid, original.gid);
    chmodSync(temporary, original.mode);
    if (isOriginal) utimesSync(temporary, original.mtimeMs / 1000, original.mtimeMs / 1000);
    flushFile(temporary);
    renameSync(temporary, program);
    syncDirectory(path.dirname(program));
  });
}
