/** Bytes of an open file as a ByteSource, and ranges of any source. Closing is for whoever opened. */
import type { ByteSource } from '../../../contract/byte-source.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { openFileSource as openFile } from '../file-source.ts';

export interface FileSource extends ByteSource, Disposable {
  readonly path: string;
}

/** @throws SlipwayError `component-unreadable` */
export function openFileSource(path: string): FileSource {
  try {
    const { length, readInto, close } = openFile(path);
    return { path, length, readInto, [Symbol.dispose]: close };
  } catch (cause) {
    throw new SlipwayError('component-unreadable', `cannot read ${path}`, { cause });
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
