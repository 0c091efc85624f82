/** Writes and removes the updater's own files among those of systemd, and lets it read them. */
import { execFile } from 'node:child_process';
import { readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { SlipwayError } from '../../../contract/errors.ts';
import {
  exists,
  makeDirectory,
  onDisk,
  readIfThere,
  remove,
  replaceFileSync,
} from '../../../system/files/durable-file-sync.ts';
import { bootUnit, type UnitFile } from '../../adoption/unit-files.ts';

const run = promisify(execFile);
const answerMs = 120_000;
export const systemUnits = '/etc/systemd/system';

export async function writeUnitFiles(files: readonly UnitFile[], folder = systemUnits): Promise<void> {
  for (const { name, text } of files) {
    const file = path.join(folder, name);
    makeDirectory(path.dirname(file), 0o755);
    replaceFileSync(file, Buffer.from(text), 0o644);
  }
  await systemctl('daemon-reload');
  await systemctl('enable', bootUnit);
}

export async function removeUnitFiles(files: readonly UnitFile[], folder = systemUnits): Promise<void> {
  if (exists(path.join(folder, bootUnit))) await systemctl('disable', bootUnit);
  for (const { name } of files) {
    const file = path.join(folder, name);
    remove(file);
    const parent = path.dirname(file);
    if (parent === folder || !exists(parent)) continue;
    onDisk(`remove ${parent}`, () => readdirSync(parent).length === 0 && rmdirSync(parent));
  }
  await systemctl('daemon-reload');
}

/** @returns the first that is not there as it was written */
export function missingUnitFile(files: readonly UnitFile[], folder = systemUnits): string | undefined {
  const isThere = ({ name, text }: UnitFile) => {
    const bytes = readIfThere(path.join(folder, name));
    return bytes !== undefined && Buffer.from(bytes).toString('utf8') === text;
  };
  const missing = files.find((file) => !isThere(file));
  return missing && path.join(folder, missing.name);
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
