/**
 * Writes down every change that this process makes below a folder, in order and in the smallest parts: half of a write, one
 * entry of a tree that is removed. `VolatileDisk` makes of it what a power cut at any place would leave.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { DiskChange } from './disk-change.ts';
import { type FileCall, FileCalls } from './file-calls.ts';
import { seenTree } from './seen-tree.ts';

export interface LoggedChange<Mark> {
  readonly change: DiskChange;
  /** What the call named; nothing where another program has worked. */
  readonly file: string;
  /** What the test wanted to know of the moment before it. */
  readonly mark: Mark;
}

export class DiskLog<Mark> {
  readonly entries: LoggedChange<Mark>[] = [];
  readonly #calls: FileCalls;
  readonly #others: readonly string[];
  readonly #mark: () => Mark;
  /** By descriptor. */
  readonly #handles = new Map<number, { handle: number; position: number }>();
  #lastHandle = 0;

  /** @param others trees below `root` that other programs change as well, in `aside` */
  constructor(root: string, others: readonly string[], mark: () => Mark) {
    this.#others = others;
    this.#mark = mark;
    this.#calls = new FileCalls(root, (call) => this.#log(call));
  }

  /** What another program does is seen when it has ended. */
  aside<T>(work: () => T): T {
    try {
      return this.#calls.pass(work);
    } finally {
      this.#add('', { kind: 'others', trees: this.#calls.pass(() => this.#others.flatMap(seenTree)) });
    }
  }

  [Symbol.dispose](): void {
    this.#calls[Symbol.dispose]();
  }

  #add(file: string, ...changes: readonly DiskChange[]): void {
    for (const change of changes) this.entries.push({ change, file, mark: this.#mark() });
  }

  #log(call: FileCall): unknown {
    if (call.name === 'openSync') return this.#opened(call);
    if (call.name.startsWith('f') && typeof call.args[0] === 'number') return this.#changedOpen(call, call.args[0]);
    if (call.name === 'writeSync') return this.#written(call);
    const entries = call.name === 'rmSync' ? this.#calls.pass(() => seenTree(call.file)) : [];
    const result = call.run();
    this.#add(call.file, ...this.#changesOf(call, entries.map(({ file }) => file).reverse()));
    return result;
  }

  #changesOf({ name, file, args }: FileCall, removed: readonly string[]): DiskChange[] {
    switch (name) {
      case 'rmSync':
        return removed.map((each) => ({ kind: 'drop', file: each }));
      case 'rmdirSync':
      case 'unlinkSync':
        return [{ kind: 'drop', file }];
      case 'renameSync':
        return [{ kind: 'move', from: file, file: String(args[1]) }];
      case 'linkSync':
        return [{ kind: 'name', from: String(args[0]), file }];
      case 'symlinkSync':
        return [{ kind: 'link', file, target: String(args[0]) }];
      case 'mkdirSync':
        return [{ kind: 'make', file, what: 'folder', mode: this.#modeOf(file) }];
      case 'chmodSync':
        return [...this.#openFor(file), { kind: 'mode', handle: this.#lastHandle, mode: Number(args[1]) }];
      case 'writeFileSync':
      case 'copyFileSync':
        return this.#wholeFile(file);
      case 'truncateSync':
        return [...this.#openFor(file), { kind: 'cut', handle: this.#lastHandle, length: Number(args[1] ?? 0) }];
      default:
        // Owners and times are no part of what the tests compare.
        return [];
    }
  }

  #opened({ file, args, run }: FileCall): unknown {
    const [, flags = 'r'] = args;
    const wasThere = this.#calls.pass(() => fs.existsSync(file));
    const descriptor = run() as number;
    const handle = ++this.#lastHandle;
    this.#handles.set(descriptor, { handle, position: 0 });
    if (!wasThere) this.#add(file, { kind: 'make', file, what: 'file', mode: this.#modeOf(file) });
    this.#add(file, { kind: 'open', file, handle });
    const isCutting = typeof flags === 'number' ? (flags & fs.constants.O_TRUNC) !== 0 : String(flags).startsWith('w');
    if (wasThere && isCutting) this.#add(file, { kind: 'cut', handle, length: 0 });
    return descriptor;
  }

  #changedOpen({ name, file, args, run }: FileCall, descriptor: number): unknown {
    const result = run();
    const { handle } = this.#handles.get(descriptor) ?? { handle: 0 };
    if (name === 'fsyncSync' || name === 'fdatasyncSync') this.#add(file, { kind: 'flush', handle });
    if (name === 'ftruncateSync') this.#add(file, { kind: 'cut', handle, length: Number(args[1] ?? 0) });
    if (name === 'fchmodSync') this.#add(file, { kind: 'mode', handle, mode: Number(args[1]) });
    return result;
  }

  #written({ file, args, run }: FileCall): unknown {
    const [descriptor, bytes, offset = 0, , place = null] = args;
    const count = run() as number;
    const open = this.#handles.get(descriptor as number) ?? { handle: 0, position: 0 };
    const at = (place as number | null) ?? open.position;
    if (place === null) open.position += count;
    const taken = Uint8Array.from((bytes as Uint8Array).subarray(offset as number, (offset as number) + count));
    this.#add(file, ...inHalves(open.handle, at, taken));
    return count;
  }

  #wholeFile(file: string): DiskChange[] {
    const bytes = this.#calls.pass(() => fs.readFileSync(file));
    const make: DiskChange = { kind: 'make', file, what: 'file', mode: this.#modeOf(file) };
    return [make, ...this.#openFor(file), ...inHalves(this.#lastHandle, 0, bytes)];
  }

  #openFor(file: string): DiskChange[] {
    return [{ kind: 'open', file: path.resolve(file), handle: ++this.#lastHandle }];
  }

  #modeOf(file: string): number {
    return this.#calls.pass(() => fs.lstatSync(file)).mode & 0o7777;
  }
}

export function inHalves(handle: number, at: number, bytes: Uint8Array): DiskChange[] {
  const half = Math.floor(bytes.length / 2);
  return [
    { kind: 'write', handle, at, bytes: bytes.subarray(0, half) },
    { kind: 'write', handle, at: at + half, bytes: bytes.subarray(half) },
  ];
}
