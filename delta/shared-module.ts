/**
 * Keeps one instance of a WebAssembly module for the whole process. One task has it at a time: the newest. Its memory
 * then grows with the largest task, not with their number; a task that another one displaced must not go on.
 */
import { SlipwayError } from '../contract/errors.ts';

interface ModuleMemory {
  /** Another one each time the memory grows; views of the one before are empty then. */
  readonly buffer: ArrayBuffer;
}

/** A place in the memory, in bytes from its start. */
export interface ModuleAddress {
  readonly value: number;
}

/** Functions that a module calls, by the name of the source that declares them. */
type ModuleImports = Readonly<Record<string, Readonly<Record<string, (...numbers: number[]) => unknown>>>>;

/** The part of WebAssembly's JavaScript interface (W3C) that is used; TypeScript has it for browsers only. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: ModuleImports) => { readonly exports: unknown };
}

export interface ModuleExports {
  readonly memory: ModuleMemory;
  /** Frees all that a task has on the module's heap. */
  freeAll(): void;
}

/** `Task` is what a task does for the module. */
export class SharedModule<Exports extends ModuleExports, Task extends object> {
  readonly #base64: string;
  readonly #imports: (module: SharedModule<Exports, Task>) => ModuleImports;
  #exports: Exports | undefined;
  #memory = new Uint8Array(0);
  #task: Task | undefined;

  /**
   * @param base64 text of the module, of those in `compiled/`
   * @param imports what the module calls; made when the first task begins
   */
  constructor(base64: string, imports: (module: SharedModule<Exports, Task>) => ModuleImports) {
    this.#base64 = base64;
    this.#imports = imports;
  }

  /** Ends the task before. */
  begin(task: Task): void {
    this.#exports ??= instantiate<Exports>(this.#base64, this.#imports(this));
    this.#exports.freeAll();
    this.#task = task;
  }

  /** @throws SlipwayError `internal` when another task was begun since */
  exportsFor(task: Task): Exports {
    if (this.#task !== task || this.#exports === undefined) throw new SlipwayError('internal', 'a displaced task');
    return this.#exports;
  }

  /** The task that has the module. @throws SlipwayError `internal` before the first */
  get task(): Task {
    if (this.#task === undefined) throw new SlipwayError('internal', 'a module without a task');
    return this.#task;
  }

  /** Bytes of the module's memory, until it grows. */
  bytesAt(start: number, length: number): Uint8Array {
    const { buffer } = this.exportsFor(this.task).memory;
    if (this.#memory.buffer !== buffer) this.#memory = new Uint8Array(buffer);
    return this.#memory.subarray(start, start + length);
  }
}

function instantiate<Exports>(base64: string, imports: ModuleImports): Exports {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyInterface }).WebAssembly;
  return new Instance(new Module(Buffer.from(base64, 'base64')), imports).exports as Exports;
}
