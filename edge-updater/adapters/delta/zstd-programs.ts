/** What this device writes zstd frames with: the libzstd of Node, and the zstd commands that it is told of. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import type { ZstdEncoder } from '../../../delta/recipe/ports.ts';
import { anyZstdEncoder } from '../../../delta/recipe/zstd-encoders.ts';
import { type StartProgram, zstdProgramEncoder, zstdProgramVersion } from '../../../delta/recipe/zstd-program.ts';

export interface WatchedEncoder extends ZstdEncoder {
  /** Bytes that the commands it runs have resident. */
  rssBytes(): number;
}

/** @param programs absolute paths; those that are not there, or are something else, are passed over */
export function zstdEncoderOf(programs: readonly string[]): WatchedEncoder {
  const running = new Set<ChildProcess>();
  const start: StartProgram = (program, args, options) => {
    const child = spawn(program, args, options);
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
  };
  const encoders = [libzstdEncoder(zlib, process.versions.zstd)];
  for (const program of programs) {
    const version = zstdProgramVersion(program, spawnSync);
    if (version !== undefined) encoders.push(zstdProgramEncoder(program, version, start));
  }
  const any = anyZstdEncoder(encoders);
  return { ...any, rssBytes: () => [...running].reduce((sum, { pid }) => sum + rssOf(pid), 0) };
}

/** VmRSS of proc(5); 0 for a process that has ended. */
function rssOf(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
