/** Stands between this process and Node's synchronous calls that change files below a folder, for as long as it is kept. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type AnyCall = (...args: unknown[]) => unknown;
const calls = fs as unknown as Record<string, AnyCall>;

/** One call. `run` makes the real one, with other arguments where some are given. */
export interface FileCall {
  readonly name: string;
  /** What it names, or what the descriptor that it names was opened as. */
  readonly file: string;
  readonly args: readonly unknown[];
  /** Opening for reading and closing change nothing; they are told because a flush names what was opened so. */
  readonly isChange: boolean;
  readonly run: (...args: readonly unknown[]) => unknown;
}

/** Changing calls that name a file first, and those that name an open one. */
const byPath = [
  ...([
    'renameSync',
    'rmSync',
    'rmdirSync',
    'unlinkSync',
    'mkdirSync',
    'chmodSync',
    'chownSync',
    'truncateSync',
  ] as const),
  ...(['lchownSync', 'utimesSync', 'lutimesSync', 'writeFileSync'] as const),
] as const;
/** Those that name the new file second. */
const bySecondPath = ['symlinkSync', 'linkSync', 'copyFileSync'] as const;
const byDescriptor = [
  'writeSync',
  'fsyncSync',
  'fdatasyncSync',
  'ftruncateSync',
  'fchmodSync',
  'fchownSync',
  'futimesSync',
] as const;

export class FileCalls {
  readonly #root: string;
  readonly #handle: (call: FileCall) => unknown;
  readonly #real = new Map<string, AnyCall>();
  readonly #open = new Map<number, string>();
  #isPaused = false;

  constructor(root: string, handle: (call: FileCall) => unknown) {
    this.#root = root;
    this.#handle = handle;
    for (const name of byPath) this.#replace(name, (args) => String(args[0]));
    for (const name of bySecondPath) this.#replace(name, (args) => String(args[1]));
    for (const name of byDescriptor) this.#replace(name, (args) => this.#open.get(args[0] as number) ?? '');
    this.#replaceOpen();
    syncBuiltinESMExports();
  }

  /** Lets calls through that are not the updater's. */
  pass<T>(work: () => T): T {
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
    calls[name] = (...args) => {
      const file = fileOf(args);
      return this.#concerns(file) ? this.#tell({ name, file, args, isChange: true }, real) : real(...args);
    };
  }

  /** Descriptors are remembered for the calls that name them. */
  #replaceOpen(): void {
    const real = calls.openSync as AnyCall;
    this.#real.set('openSync', real);
    calls.openSync = (...args) => {
      const [file, flags = 'r'] = args;
      const isReading = flags === 'r' || (typeof flags === 'number' && (flags & 3) === 0);
      const isOurs = this.#concerns(String(file));
      const call = { name: 'openSync', file: String(file), args, isChange: !isReading };
      const descriptor = isOurs ? this.#tell(call, real) : real(...args);
      if (isOurs) this.#open.set(descriptor as number, String(file));
      else this.#open.delete(descriptor as number);
      return descriptor;
    };
  }

  #concerns(file: string): boolean {
    return !this.#isPaused && file.startsWith(this.#root);
  }

  #tell(call: Omit<FileCall, 'run'>, real: AnyCall): unknown {
    // What Node does inside of one call is that call.
    return this.#handle({ ...call, run: (...args) => this.pass(() => real(...(args.length > 0 ? args : call.args))) });
  }
}
