/**
 * Stops this process's work on files at an exact call that changes something below a folder: as a kill before it, as a
 * kill inside it (half of the bytes, part of a tree), or as an error of the disk. After a kill no further call changes
 * anything. The calls are Node's own, replaced for as long as a fault is wanted.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { Killed } from './interruption.ts';

export type FaultMode = 'killed before' | 'killed inside' | 'ENOSPC' | 'EIO';
export const faultModes: readonly FaultMode[] = ['killed before', 'killed inside', 'ENOSPC', 'EIO'];

/** Changing calls that name a file first, and those that name an open one. */
const byPath = [
  ...(['renameSync', 'rmSync', 'rmdirSync', 'unlinkSync', 'mkdirSync', 'linkSync', 'chmodSync', 'chownSync'] as const),
  ...(['lchownSync', 'utimesSync', 'lutimesSync', 'writeFileSync', 'copyFileSync'] as const),
] as const;
const byDescriptor = ['writeSync', 'fsyncSync', 'ftruncateSync', 'fchmodSync'] as const;

type AnyCall = (...args: unknown[]) => unknown;
const calls = fs as unknown as Record<string, AnyCall>;

export class FileFaults {
  /** Names of the calls so far. */
  readonly seen: string[] = [];
  readonly #root: string;
  readonly #at: number;
  readonly #mode: FaultMode;
  readonly #real = new Map<string, AnyCall>();
  readonly #open = new Map<number, string>();
  #isDead = false;
  #isPaused = false;

  /** @param at 1 for the first call, 0 for never */
  constructor(root: string, at: number, mode: FaultMode) {
    this.#root = root;
    this.#at = at;
    this.#mode = mode;
    for (const name of byPath) this.#replace(name, (args) => String(args[0]));
    this.#replace('symlinkSync', (args) => String(args[1]));
    for (const name of byDescriptor) this.#replace(name, (args) => this.#open.get(args[0] as number) ?? '');
    this.#replaceOpen();
    syncBuiltinESMExports();
  }

  get hasHappened(): boolean {
    return this.#at > 0 && this.seen.length >= this.#at;
  }

  /** What the service does is not the updater's. */
  aside<T>(work: () => T): T {
    if (this.#isDead) throw new Killed('the process is gone');
    this.#isPaused = true;
    try {
      return work();
    } finally {
      this.#isPaused = false;
    }
  }

  [Symbol.dispose](): void {
    for (const [name, call] of this.#real) calls[name] = call;
    syncBuiltinESMExports();
  }

  #replace(name: string, fileOf: (args: unknown[]) => string): void {
    const real = calls[name] as AnyCall;
    this.#real.set(name, real);
    calls[name] = (...args) => (this.#concerns(fileOf(args)) ? this.#run(name, args, real) : real(...args));
  }

  /** Opening for reading changes nothing; descriptors are remembered for the calls that name them. */
  #replaceOpen(): void {
    const real = calls.openSync as AnyCall;
    this.#real.set('openSync', real);
    calls.openSync = (...args) => {
      const [file, flags = 'r'] = args;
      const isReading = flags === 'r' || (typeof flags === 'number' && (flags & 3) === 0);
      const isOurs = this.#concerns(String(file));
      const descriptor = isOurs && !isReading ? this.#run('openSync', args, real) : real(...args);
      if (isOurs) this.#open.set(descriptor as number, String(file));
      else this.#open.delete(descriptor as number);
      return descriptor;
    };
  }

  #concerns(file: string): boolean {
    return !this.#isPaused && file.startsWith(this.#root);
  }

  #run(name: string, args: unknown[], real: AnyCall): unknown {
    if (this.#isDead) throw new Killed(name);
    this.seen.push(name);
    if (this.seen.length !== this.#at) return real(...args);
    if (this.#mode === 'ENOSPC' || this.#mode === 'EIO') {
      throw Object.assign(new Error(`${this.#mode}: made to fail, ${name}`), { code: this.#mode });
    }
    if (this.#mode === 'killed inside') inPart(name, args, real);
    this.#isDead = true;
    throw new Killed(name);
  }
}

/** Half of a write, one file of a tree, or all of what cannot be done in part. */
function inPart(name: string, args: unknown[], real: AnyCall): void {
  if (name === 'writeSync') {
    const bytes = args[1] as Uint8Array;
    real(args[0], bytes, 0, Math.floor(bytes.length / 2), args[4] ?? null);
    return;
  }
  if (name === 'rmSync') {
    const victim = firstFileBelow(String(args[0]));
    if (victim !== undefined) real(victim);
    return;
  }
  real(...args);
}

function firstFileBelow(folder: string): string | undefined {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return undefined;
  for (const name of fs.readdirSync(folder)) {
    const inside = path.join(folder, name);
    if (!fs.lstatSync(inside).isDirectory()) return inside;
    const found = firstFileBelow(inside);
    if (found !== undefined) return found;
  }
  return undefined;
}
