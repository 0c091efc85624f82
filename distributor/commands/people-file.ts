/** Reads the file of `serve --people`, once: who is in it changes with a restart. */
import { readFile } from 'node:fs/promises';
import { SlipwayError } from '../../contract/errors.ts';
import { parseDocument } from '../../system/documents/document.ts';
import { peopleSchema } from '../people/issuers.ts';
import { People } from '../people/people.ts';
import type { CommandLine } from './command-line.ts';

/** @throws SlipwayError `document-unreadable`, `document-invalid` */
export async function readPeople(
  line: Pick<CommandLine, 'openBearerVerifier'>,
  file: string | undefined,
): Promise<People | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new SlipwayError('document-unreadable', `cannot read the file of people ${file}: ${cause.code}`, { cause });
  });
  const { issuers } = parseDocument(text, peopleSchema, file);
  return new People(issuers, line.openBearerVerifier(issuers));
}
