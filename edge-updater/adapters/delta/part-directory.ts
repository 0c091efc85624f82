/**
 * Keeps intermediate files of one delta in a folder: a file a part, under its name once it is whole. Nothing here is
 * made durable, since the reader of what an earlier run left compares its digest. Few descriptors are open at a time,
 * however many parts there are.
 */
import { close, closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { PartFile, PartFiles } from '../../../delta/apply.ts';
import type { ByteSource } from '../../../delta/byte-source.ts';
import type { Scratch } from '../../../delta/decode-part.ts';
import { makeDirectory, onDisk, remove, writeFully } from '../../../system/files/durable-file-sync.ts';
import { freeBytesOf } from '../disk/disk-space.ts';
import { readRange } from '../disk/file-source.ts';

const maxOpenFiles = 64;
const wholePart = /^new-\d+$/;

export class PartDirectory implements PartFiles {
  readonly #directory: string;
  /** Descriptors by path, the least recently used first. */
  readonly #open = new Map<string, number>();
  #scratch: number | undefined;

  /** Makes the folder; removes from an older one what is not a whole new part. */
  constructor(directory: string) {
    this.#directory = directory;
    makeDirectory(directory);
    for (const name of this.#names()) if (!wholePart.test(name)) remove(path.join(directory, name));
  }

  /** Bytes that an earlier run left. */
  leftBytes(): number {
    return this.#names().reduce((sum, name) => sum + (this.#size(path.join(this.#directory, name)) ?? 0), 0);
  }

  freeBytes(): number {
    return freeBytesOf(this.#directory);
  }

  finished(name: string, length: number): ByteSource | undefined {
    const file = path.join(this.#directory, name);
    return this.#size(file) === length ? this.#source(file, length) : undefined;
  }

  begin(name: string): PartFile {
    const file = path.join(this.#directory, name);
    // A run that outlived its parent may still be writing one of the same name.
    const unfinished = `${file}.${process.pid}`;
    let length = 0;
    this.#descriptor(unfinished, 'w+');
    return {
      sink: {
        write: (chunk) => {
          onDisk(`write ${unfinished}`, () => writeFully(this.#descriptor(unfinished), chunk, length));
          length += chunk.length;
        },
      },
      finish: () => {
        this.#close(unfinished);
        onDisk(`name ${file}`, () => renameSync(unfinished, file));
        return this.#source(file, length);
      },
      discard: () => {
        this.#close(unfinished);
        remove(unfinished);
      },
    };
  }

  /** Room for the prediction of one part at a time: a file without a name, which the next part overwrites. */
  scratch(): Scratch {
    const file = path.join(this.#directory, `prediction.${process.pid}`);
    this.#scratch ??= onDisk(`open ${file}`, () => {
      const opened = openSync(file, 'w+', 0o600);
      rmSync(file);
      return opened;
    });
    const descriptor = this.#scratch;
    let length = 0;
    return {
      sink: {
        write: (chunk) => {
          onDisk(`write ${file}`, () => writeFully(descriptor, chunk, length));
          length += chunk.length;
        },
      },
      source: () => ({ length, readInto: (target, offset) => readRange(descriptor, file, target, offset) }),
      close: () => {},
    };
  }

  /** Old parts are in the base: they go. New ones stay for another run. */
  close(): void {
    for (const file of [...this.#open.keys()]) this.#close(file);
    // Giving its pages back takes a while, which nothing has to wait for.
    if (this.#scratch !== undefined) close(this.#scratch, () => {});
    this.#scratch = undefined;
    for (const name of this.#names()) if (!wholePart.test(name)) remove(path.join(this.#directory, name));
  }

  #source(file: string, length: number): ByteSource {
    return { length, readInto: (target, offset) => readRange(this.#descriptor(file), file, target, offset) };
  }

  #descriptor(file: string, flags = 'r+'): number {
    let descriptor = this.#open.get(file);
    if (descriptor === undefined) {
      const [oldest] = this.#open.keys();
      if (this.#open.size >= maxOpenFiles && oldest !== undefined) this.#close(oldest);
      descriptor = onDisk(`open ${file}`, () => openSync(file, flags, 0o600));
    } else {
      this.#open.delete(file);
    }
    this.#open.set(file, descriptor);
    return descriptor;
  }

  #close(file: string): void {
    const descriptor = this.#open.get(file);
    if (descriptor === undefined) return;
    closeSync(descriptor);
    this.#open.delete(file);
  }

  #names(): string[] {
    return onDisk(`list ${this.#directory}`, () => readdirSync(this.#directory));
  }

  #size(file: string): number | undefined {
    return statSync(file, { throwIfNoEntry: false })?.size;
  }
}
