/** Writes and removes the updater's own files among those of systemd, and lets it read them. */
import { execFile } from 'node:child_process';
import { readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { SlipwayError } from '../../../contract/errors.ts';
import { exists, makeDirectory, onDisk, remove, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import { bootUnit, type UnitFile } from '../../adoption/unit-files.ts';

const run = promisify(execFile);
const answerMs = 120_000;
export const systemUnits = '/etc/systemd/system';

export async function writeUnitFiles(files: readonly UnitFile[]): Promise<void> {
  for (const { name, text } of files) {
    const file = path.join(systemUnits, name);
    makeDirectory(path.dirname(file), 0o755);
    replaceFileSync(file, Buffer.from(text), 0o644);
  }
  await systemctl('daemon-reload');
  await systemctl('enable', bootUnit);
}

export async function removeUnitFiles(files: readonly UnitFile[]): Promise<void> {
  if (exists(path.join(systemUnits, bootUnit))) await systemctl('disable', bootUnit);
  for (const { name } of files) {
    const file = path.join(systemUnits, name);
    remove(file);
    const parent = path.dirname(file);
    if (parent === systemUnits || !exists(parent)) continue;
    onDisk(`remove ${parent}`, () => readdirSync(parent).length === 0 && rmdirSync(parent));
  }
  await systemctl('daemon-reload');
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
