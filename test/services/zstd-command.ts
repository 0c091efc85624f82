/** The zstd command of this machine, for tests of payloads that another libzstd than Node's packed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zstdProgramVersion } from '../../delta/recipe/zstd-program.ts';
import { commandPath, missingCommands } from './commands.ts';

/** Path of the command; empty where there is none. */
export const zstdCommand = commandPath('zstd') ?? '';
export const zstdCommandVersion = zstdProgramVersion(zstdCommand) ?? '';

/** Why there is no command of another version than Node's; undefined where there is one. */
export const otherZstdMissing =
  missingCommands('zstd') ??
  (zstdCommandVersion === process.versions.zstd ? `the zstd command is of Node's own version` : undefined);

/** What the command makes of a file, as publishers use it. @throws Error when it fails */
export function packedByZstd(bytes: Uint8Array, ...args: readonly string[]): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-packed-'));
  try {
    const [file, out] = [path.join(folder, 'data.tar'), path.join(folder, 'data.tar.zst')];
    writeFileSync(file, bytes);
    const { status } = spawnSync(zstdCommand, ['-q', ...args, file, '-o', out]);
    if (status !== 0) throw new Error(`zstd ${args.join(' ')} ended with ${status}`);
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
