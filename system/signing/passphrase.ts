/** Finds the passphrase of a sealed key: in a file, in the environment, or by asking a person. Never on a command line. */
import { readFile } from 'node:fs/promises';
import { SlipwayError } from '../../contract/errors.ts';

export const passphraseVariable = 'SLIPWAY_KEY_PASSPHRASE';

/** Where keys and passphrases come from, besides files. */
export interface KeySurroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Undefined where there is nobody to ask. */
  askPassphrase(question: string): Promise<string | undefined>;
}

/** @throws SlipwayError `key-locked` */
async function readPassphraseFile(file: string): Promise<string> {
  try {
    // Editors end the last line.
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new SlipwayError('key-locked', 'cannot read the file of --passphrase-file', {
      cause,
      hint: 'Check the path.',
    });
  }
}

/**
 * @param name of the key
 * @throws SlipwayError `key-locked` where there is none
 */
export async function findPassphrase(
  name: string,
  file: string | undefined,
  { env, askPassphrase }: KeySurroundings,
): Promise<string> {
  const inEnvironment = env[passphraseVariable] || undefined;
  const found = file === undefined ? inEnvironment : await readPassphraseFile(file);
  const passphrase = found ?? (await askPassphrase(`passphrase of ${name}: `));
  if (passphrase !== undefined && passphrase !== '') return passphrase;
  throw new SlipwayError('key-locked', `${name} needs its passphrase`, {
    hint: `Give it by --passphrase-file FILE or ${passphraseVariable}, or run this in a terminal.`,
  });
}
