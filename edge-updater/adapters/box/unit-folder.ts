/** Writes and removes the updater's own files among those of systemd, and lets it read them. */
import { execFile } from 'node:child_process';
import { readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { SlipwayError } from '../../../contract/errors.ts';
import { exists, makeDirectory, onDisk, remove, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import { actorCache, actorServiceUnit, actorSocketFile, actorSocketUnit } from '../../adoption/actor-units.ts';
import { bootUnit, type UnitFile } from '../../adoption/unit-files.ts';

const run = promisify(execFile);
const answerMs = 120_000;
export const systemUnits = '/etc/systemd/system';

export async function writeUnitFiles(files: readonly UnitFile[]): Promise<void> {
  putUnitFiles(files, systemUnits);
  await systemctl('daemon-reload');
  await systemctl('enable', bootUnit, actorSocketUnit);
  await systemctl('restart', actorSocketUnit);
}

/** Each is whole or as it was, durable when it returns; systemd has not read them yet. */
export function putUnitFiles(files: readonly UnitFile[], folder: string): void {
  for (const { name, text } of files) {
    const file = path.join(folder, name);
    makeDirectory(path.dirname(file), 0o755);
    replaceFileSync(file, Buffer.from(text), 0o644);
  }
}

/** Ends what it was asked for and has not done yet: whoever calls is the only one that touches the box from here on. */
export async function endActor(): Promise<void> {
  const known = [actorSocketUnit, actorServiceUnit].filter((unit) => exists(path.join(systemUnits, unit)));
  if (known.length > 0) await systemctl('stop', ...known);
}

/** systemd gives a socket up whose service ended too often. Never throws. */
export function listenAgain(): Promise<void> {
  return systemctl('start', actorSocketUnit).catch(() => undefined);
}

export async function removeUnitFiles(files: readonly UnitFile[]): Promise<void> {
  const known = [bootUnit, actorSocketUnit].filter((unit) => exists(path.join(systemUnits, unit)));
  if (known.length > 0) await systemctl('disable', ...known);
  for (const { name } of files) {
    const file = path.join(systemUnits, name);
    remove(file);
    const parent = path.dirname(file);
    if (parent !== systemUnits) removeIfEmpty(parent);
  }
  await systemctl('daemon-reload');
  removeIfEmpty(path.dirname(actorSocketFile));
  remove(actorCache);
}

function removeIfEmpty(folder: string): void {
  if (!exists(folder)) return;
  onDisk(`remove ${folder}`, () => readdirSync(folder).length === 0 && rmdirSync(folder));
}

async function systemctl(...args: readonly string[]): Promise<void> {
  try {
    await run('systemctl', args, { timeout: answerMs });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SlipwayError('io-error', `systemctl ${args.join(' ')}: ${message}`, {
      ...{ cause, hint: 'Look at systemd of this machine, then run the command again.' },
    });
  }
}
