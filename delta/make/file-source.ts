/** Reads bytes of files on the disk at given positions, and ranges of them. The caller that opens a file closes it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SlipwayError } from '../../contract/errors.ts';
import { type ByteSource, readFully } from '../byte-source.ts';

export interface FileSource extends ByteSource, Disposable {
  readonly path: string;
}

/** @throws SlipwayError `io-error` when the file cannot be opened */
export function openFileSource(path: string): FileSource {
  const descriptor = open(path);
  return {
    path,
    length: fstatSync(descriptor).size,
    readInto: (target, offset) => readFileRange(descriptor, path, target, offset),
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** The file of a component. @throws SlipwayError `component-unreadable` */
export function openArtifactFile(path: string): FileSource {
  try {
    return openFileSource(path);
  } catch (cause) {
    throw new SlipwayError('component-unreadable', `cannot read ${path}`, { cause });
  }
}

/**
 * Fills `target` from `offset` on.
 * @param path for the message
 * @throws SlipwayError `io-error` when the file ends before
 */
export function readFileRange(descriptor: number, path: string, target: Uint8Array, offset: number): void {
  const end = readFully(readSync, descriptor, target, offset);
  if (end !== undefined) throw new SlipwayError('io-error', `${path} ends at ${end}, expected more bytes`);
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new SlipwayError('io-error', `${path} cannot be opened`, { cause });
  }
}

/** Where bytes lie: a range of a file. Every piece of an opened artifact is one. */
export class FileRange implements ByteSource {
  readonly file: FileSource;
  readonly offset: number;
  readonly length: number;

  constructor(file: FileSource, offset = 0, length = file.length - offset) {
    this.file = file;
    this.offset = offset;
    this.length = length;
  }

  readInto(target: Uint8Array, offset: number): void {
    this.file.readInto(target, this.offset + offset);
  }

  /** The range from `start` up to `end` of this one. */
  slice(start: number, end = this.length): FileRange {
    return new FileRange(this.file, this.offset + start, end - start);
  }

  /** Up to `length` bytes from `offset` on, fewer at the end. */
  read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.length - offset)));
    this.readInto(bytes, offset);
    return bytes;
  }

  *chunks(chunkBytes = 256 * 1024): Iterable<Buffer> {
    for (let offset = 0; offset < this.length; offset += chunkBytes) yield this.read(offset, chunkBytes);
  }
}
