/** Reads the file that a token lies in. */
import { readFile } from 'node:fs/promises';
import { SlipwayError } from '../../contract/errors.ts';

/** @throws SlipwayError `key-unreadable` */
export async function readTokenFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new SlipwayError('key-unreadable', `the token in ${file} cannot be read: ${cause.code}`, { cause });
  });
  return text.trim();
}
