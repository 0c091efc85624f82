/** Reads a file that somebody named: a release.yaml, a request for a change of keys, what upstream publishes. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';

/** A file that somebody gave, by its name. */
export interface GivenDocument {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** @throws SlipwayError `document-unreadable` */
export async function readGiven(file: string): Promise<GivenDocument> {
  const name = path.basename(file);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SlipwayError('document-unreadable', `cannot read ${name}`, {
      hint: 'Check the path and its permissions.',
      cause,
    });
  });
  return { name, bytes };
}
