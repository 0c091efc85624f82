/** Finds what a machine writes zstd frames with: the libzstd of Node, and zstd commands of other versions. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { libzstdEncoder } from './libzstd.ts';
import type { ZstdEncoder } from './ports.ts';
import { anyZstdEncoder } from './zstd-encoders.ts';
import { zstdProgramEncoder, zstdProgramVersion } from './zstd-program.ts';

export interface WatchedEncoder extends ZstdEncoder {
  /** Bytes that the commands it runs have resident. */
  rssBytes(): number;
}

/**
 * A device's, which is told where commands may be.
 * @param programs absolute paths; those that are not there, or are something else, are passed over
 * @param workers threads for one frame
 */
export function zstdEncoderOf(programs: readonly string[], workers = 1): WatchedEncoder {
  const running = new Set<ChildProcess>();
  const onStart = (child: ChildProcess) => {
    running.add(child);
    child.once('close', () => running.delete(child));
  };
  const found = programs.flatMap((program) => encoderOf(program, workers, onStart) ?? []);
  const any = anyZstdEncoder([libzstdEncoder(workers), ...found]);
  return { ...any, rssBytes: () => [...running].reduce((sum, { pid }) => sum + rssOf(pid), 0) };
}

/**
 * A publisher's, who names commands beside a `zstd` on the search path; Node's library comes first.
 * @param searchPath as PATH has it
 * @param workers threads for one frame
 * @throws SlipwayError `usage` when a program that was asked for is no zstd command
 */
export function findZstdEncoder(
  programs: readonly string[],
  searchPath: string | undefined,
  workers: number,
): ZstdEncoder {
  const named = programs.map((program) => {
    const encoder = encoderOf(path.resolve(program), workers);
    if (encoder !== undefined) return encoder;
    throw new SlipwayError('usage', `--zstd ${program}: expected a zstd command`, {
      hint: 'Name the file of the command, one that runs here.',
    });
  });
  return anyZstdEncoder([libzstdEncoder(workers), ...named, ...firstOnPath(searchPath, workers)]);
}

function firstOnPath(searchPath: string | undefined, workers: number): ZstdEncoder[] {
  for (const folder of (searchPath ?? '').split(path.delimiter).filter(path.isAbsolute)) {
    const encoder = encoderOf(path.join(folder, 'zstd'), workers);
    if (encoder !== undefined) return [encoder];
  }
  return [];
}

function encoderOf(program: string, workers: number, onStart?: (child: ChildProcess) => void): ZstdEncoder | undefined {
  const version = zstdProgramVersion(program);
  return version === undefined ? undefined : zstdProgramEncoder(program, version, workers, onStart);
}

/** VmRSS of proc(5); 0 for a process that has ended. */
function rssOf(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
