/** Compiles the shim, and runs a program of Node under it: what it changed below a folder, call by call. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { missingCommands } from '../../services/commands.ts';
import { type ShimLine, shimLines } from './shim-lines.ts';

/** Why there is no shim here; undefined where there is. */
export const shimMissing =
  missingCommands('gcc') ??
  (process.platform === 'linux' ? undefined : 'the shim is for Linux') ??
  (existsSync('/usr/include/stdlib.h') ? undefined : 'libc6-dev not installed');

/** Once: `kill`, `EIO`, `ENOSPC`. From there on: `full`, `EROFS`, and `short` for writes that take half. */
export const shimFaults = ['kill', 'EIO', 'ENOSPC', 'full', 'EROFS', 'short'] as const;
export type ShimFault = (typeof shimFaults)[number];

export interface ShimPoint {
  /** Number of the call, from 1 on; 0 for never. */
  readonly at: number;
  readonly fault: ShimFault;
}

export interface ShimRun {
  readonly lines: readonly ShimLine[];
  readonly hasHappened: boolean;
  readonly isKilled: boolean;
  /** Of the program itself. */
  readonly pid: number | undefined;
  /** Undefined where it was killed. */
  readonly status: number | undefined;
  /** What it said on stderr. */
  readonly words: string;
}

export const noFault: ShimPoint = { at: 0, fault: 'kill' };

export class CallShim {
  readonly #folder: string;
  readonly #library: string;

  /** @param folder for the shim and its logs */
  constructor(folder: string) {
    this.#folder = folder;
    this.#library = path.join(folder, 'shim.so');
    const source = path.join(import.meta.dirname, 'shim.c');
    // A null path is a call of its own, whatever the header says.
    const flags = ['-fno-delete-null-pointer-checks', '-Wno-nonnull-compare'];
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', ...flags, '-o', this.#library, source]);
  }

  /** @param root the folder whose changes count */
  async run(root: string, args: readonly string[], { at, fault }: ShimPoint): Promise<ShimRun> {
    const [log, shared] = [path.join(this.#folder, 'log'), path.join(this.#folder, 'shared')];
    writeFileSync(log, '');
    writeFileSync(shared, Buffer.alloc(4096));
    const child = spawn(process.execPath, args, {
      // A kill takes all that it has started.
      detached: true,
      // An end for what hangs.
      timeout: 120_000,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: path.join(this.#folder, 'compiled'),
        ...{ LD_PRELOAD: this.#library, SLIPWAY_SHIM_ROOT: root, SLIPWAY_SHIM_LOG: log },
        ...{ SLIPWAY_SHIM_SHARED: shared, SLIPWAY_SHIM_AT: String(at), SLIPWAY_SHIM_FAULT: fault },
      },
    });
    const words = child.stderr.toArray();
    await once(child, 'close');
    const lines = shimLines(readFileSync(log, 'utf8'));
    return {
      lines,
      hasHappened: at > 0 && lines.some((line) => 'call' in line && line.number >= at),
      isKilled: lines.some((line) => 'call' in line && line.killed !== undefined),
      pid: child.pid,
      status: child.exitCode ?? undefined,
      words: Buffer.concat(await words).toString(),
    };
  }
}
