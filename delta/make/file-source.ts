/** Positioned reads of a file on disk. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../contract/byte-source.ts';
import { SlipwayError } from '../../contract/errors.ts';

export interface FileSource extends ByteSource {
  close(): void;
}

/** @throws SlipwayError `io-error` when the file cannot be opened */
export function openFileSource(file: string): FileSource {
  const descriptor = open(file);
  const length = fstatSync(descriptor).size;
  return {
    length,
    readInto(target, offset) {
      for (let filled = 0; filled < target.length; ) {
        const count = readSync(descriptor, target, filled, target.length - filled, offset + filled);
        if (count === 0) {
          throw new SlipwayError('io-error', `${file} ends at ${offset + filled}, expected ${length} bytes`);
        }
        filled += count;
      }
    },
    close() {
      closeSync(descriptor);
    },
  };
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new SlipwayError('io-error', `${file} cannot be opened`, { cause });
  }
}
