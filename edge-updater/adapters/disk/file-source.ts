/** Gives positioned reads of a file on the disk. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../../contract/byte-source.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { onDisk } from './durable-file.ts';

/** @throws SlipwayError `io-error` when it cannot be opened, or is a link: links can change while they are followed */
export function openFileSource(file: string): ByteSource & { close(): void } {
  const descriptor = onDisk(`open ${file}`, () => openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW));
  return {
    length: fstatSync(descriptor).size,
    readInto: (target, offset) => readFully(descriptor, file, target, offset),
    close: () => closeSync(descriptor),
  };
}

/** @throws SlipwayError `io-error` when the file ends before `target` is full */
export function readFully(descriptor: number, file: string, target: Uint8Array, offset: number): void {
  onDisk(`read ${file}`, () => {
    for (let filled = 0; filled < target.length; ) {
      const read = readSync(descriptor, target, filled, target.length - filled, offset + filled);
      if (read === 0) throw new SlipwayError('io-error', `${file} ends at ${offset + filled}`);
      filled += read;
    }
  });
}
