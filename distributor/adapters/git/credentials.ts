/**
 * Reads credentials of a Git server from a file, as the header that carries them; they never become text that is
 * printed.
 */
import { readFile } from 'node:fs/promises';
import { SlipwayError } from '../../../contract/errors.ts';

const maxBytes = 16 * 1024;

/**
 * @param file one line: `user:password`, or a token, which is sent as a bearer token
 * @returns the value of the Authorization header
 * @throws SlipwayError `git-credentials-unreadable`
 */
export async function authorizationOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(`${file} cannot be read: ${cause.code ?? 'unknown reason'}`);
  });
  const line = text.trim();
  if (line === '' || line.length > maxBytes || /[\r\n\0]/.test(line)) {
    throw unreadable(`${file} does not hold one line with user:password or a token`);
  }
  return line.includes(':') ? `Basic ${Buffer.from(line, 'utf8').toString('base64')}` : `Bearer ${line}`;
}

function unreadable(message: string): SlipwayError {
  return new SlipwayError('git-credentials-unreadable', message, {
    hint: 'Write one line, user:password or a token, into the file given as --git-credentials.',
  });
}
