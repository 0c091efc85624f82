/** Reads the file of `--root`, which devices pin: for programs that sign, and check what they sign as a device does. */
import { readFile } from 'node:fs/promises';
import { SlipwayError } from '../../contract/errors.ts';

export function readRoot(file: string): Promise<Uint8Array>;
export function readRoot(file: string | undefined): Promise<Uint8Array | undefined>;
/** @throws SlipwayError `document-unreadable` */
export async function readRoot(file: string | undefined): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  return readFile(file).catch((cause: unknown) => {
    throw new SlipwayError('document-unreadable', 'cannot read the file of --root', { cause, hint: 'Check the path.' });
  });
}
