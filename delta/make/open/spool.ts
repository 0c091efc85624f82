/**
 * Lays out opened content while a delta is made, in one file in which every stream is a range. The file is removed at
 * the end. One stream is written at a time.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileRange, type FileSource, readFileRange } from '../file-source.ts';

/** A stream being written. */
interface SpoolStream {
  readonly length: number;
  /** False when it would be longer than allowed; the stream is then to be dropped. */
  write(bytes: Uint8Array): boolean;
  /** What was written, for reading. */
  done(): FileRange;
  /** Gives its room back. */
  drop(): void;
}

export class Spool implements Disposable {
  readonly #folder: string;
  readonly #descriptor: number;
  readonly #source: FileSource;
  readonly #maxBytes: number;
  #end = 0;

  /** @param maxBytes bytes that all streams together may take */
  constructor(maxBytes: number, parent = tmpdir()) {
    this.#maxBytes = maxBytes;
    this.#folder = mkdtempSync(join(parent, 'slipway-open-'));
    const path = join(this.#folder, 'content');
    const descriptor = openSync(path, 'wx+', 0o600);
    this.#descriptor = descriptor;
    this.#source = {
      path,
      length: maxBytes,
      readInto: (target, offset) => readFileRange(descriptor, path, target, offset),
      [Symbol.dispose]: () => closeSync(descriptor),
    };
  }

  /** @param maxLength bytes that this stream may have */
  begin(maxLength = Number.POSITIVE_INFINITY): SpoolStream {
    const start = this.#end;
    let length = 0;
    return {
      get length() {
        return length;
      },
      write: (bytes) => {
        if (length + bytes.length > maxLength || start + length + bytes.length > this.#maxBytes) return false;
        for (let at = 0; at < bytes.length; ) {
          at += writeSync(this.#descriptor, bytes, at, bytes.length - at, start + length + at);
        }
        length += bytes.length;
        this.#end = start + length;
        return true;
      },
      done: () => new FileRange(this.#source, start, length),
      drop: () => {
        this.#end = start;
      },
    };
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
