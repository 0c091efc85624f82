/** Gives positioned reads of a file on the disk. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SlipwayError } from '../../../contract/errors.ts';
import { type ByteSource, readFully } from '../../../delta/byte-source.ts';
import { onDisk } from '../../../system/files/durable-file-sync.ts';

/** @throws SlipwayError `io-error` when it cannot be opened, or is a link: links can change while they are followed */
export function openReadOnly(file: string): ByteSource & { close(): void } {
  const descriptor = onDisk(`open ${file}`, () => openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW));
  return {
    length: fstatSync(descriptor).size,
    readInto: (target, offset) => readRange(descriptor, file, target, offset),
    close: () => closeSync(descriptor),
  };
}

/** @throws SlipwayError `io-error` when the file ends before `target` is full */
export function readRange(descriptor: number, file: string, target: Uint8Array, offset: number): void {
  onDisk(`read ${file}`, () => {
    const end = readFully(readSync, descriptor, target, offset);
    if (end !== undefined) throw new SlipwayError('io-error', `${file} ends at ${end}`);
  });
}
