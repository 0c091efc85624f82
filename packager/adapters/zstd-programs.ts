/** What this machine writes zstd frames with: the libzstd of Node, and zstd commands of other versions. */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import * as zlib from 'node:zlib';
import { SlipwayError } from '../../contract/errors.ts';
import { libzstdEncoder } from '../../delta/recipe/libzstd.ts';
import type { ZstdEncoder } from '../../delta/recipe/ports.ts';
import { anyZstdEncoder } from '../../delta/recipe/zstd-encoders.ts';
import { zstdProgramEncoder, zstdProgramVersion } from '../../delta/recipe/zstd-program.ts';

/**
 * @param programs paths that were asked for, beside a `zstd` on the search path; Node's library comes first
 * @param workers threads for one frame
 * @throws SlipwayError `usage` when one that was asked for is no zstd command
 */
export function findZstdEncoder(
  programs: readonly string[],
  searchPath: string | undefined,
  workers: number,
): ZstdEncoder {
  const encoders = [libzstdEncoder(zlib, process.versions.zstd, workers)];
  for (const program of programs) {
    const version = zstdProgramVersion(program, spawnSync);
    if (version === undefined) {
      throw new SlipwayError('usage', `--zstd ${program}: expected a zstd command`, {
        hint: 'Name the file of the command, one that runs here.',
      });
    }
    encoders.push(zstdProgramEncoder(path.resolve(program), version, spawn, workers));
  }
  for (const folder of (searchPath ?? '').split(path.delimiter).filter(path.isAbsolute)) {
    const program = path.join(folder, 'zstd');
    const version = zstdProgramVersion(program, spawnSync);
    if (version === undefined) continue;
    encoders.push(zstdProgramEncoder(program, version, spawn, workers));
    break;
  }
  return anyZstdEncoder(encoders);
}
