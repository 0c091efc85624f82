/**
 * Keeps parts while a delta is proved, as regions of one file, however many parts there are. It is removed with its
 * folder.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import type { PartFile, PartFiles } from '../apply.ts';
import type { ByteSource } from '../byte-source.ts';
import type { Scratch } from '../decode-part.ts';
import { readFileRange } from './file-source.ts';

interface StoredRegion {
  readonly offset: number;
  length: number;
}

export class PartStore implements PartFiles, Disposable {
  readonly #folder: string;
  readonly #descriptor: number;
  readonly #finished = new Map<string, StoredRegion>();
  #end = 0;

  constructor(parent: string) {
    this.#folder = mkdtempSync(path.join(parent, 'slipway-prove-'));
    this.#descriptor = openSync(path.join(this.#folder, 'parts'), 'wx+', 0o600);
  }

  finished(name: string, length: number): ByteSource | undefined {
    const region = this.#finished.get(name);
    return region?.length === length ? this.#source(region) : undefined;
  }

  begin(name: string, length: number): PartFile {
    this.#finished.delete(name);
    const region = this.#reserve(length);
    return {
      sink: { write: (chunk) => this.#append(region, chunk, length) },
      finish: () => {
        this.#finished.set(name, region);
        return this.#source(region);
      },
      discard: () => undefined,
    };
  }

  /** Forgets a part, so that it is made again. */
  forget(name: string): void {
    this.#finished.delete(name);
  }

  scratch(length: number): Scratch {
    const region = this.#reserve(length);
    return {
      sink: { write: (chunk) => this.#append(region, chunk, length) },
      source: () => this.#source(region),
      close: () => undefined,
    };
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The file has holes where less is written than announced. */
  #reserve(length: number): StoredRegion {
    const region = { offset: this.#end, length: 0 };
    this.#end += length;
    return region;
  }

  #append(region: StoredRegion, chunk: Uint8Array, room: number): void {
    if (region.length + chunk.length > room) throw new SlipwayError('delta-malformed', `more than ${room} bytes`);
    for (let at = 0; at < chunk.length; ) {
      at += writeSync(this.#descriptor, chunk, at, chunk.length - at, region.offset + region.length + at);
    }
    region.length += chunk.length;
  }

  #source({ offset, length }: StoredRegion): ByteSource {
    return {
      length,
      readInto: (target, start) => readFileRange(this.#descriptor, 'the file of parts', target, offset + start),
    };
  }
}
