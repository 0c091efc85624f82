/** Reads and writes the key files of one command: those that are named, and those of a folder. */
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { createFile } from '../files/durable-file.ts';
import { openSecrets } from '../files/open-secrets.ts';
import { isFileSource, readKey } from './key-source.ts';
import type { KeySurroundings } from './passphrase.ts';
import { sealKey } from './sealed-key.ts';
import { generateKeyPair, isSigningKey, type KeyType, parseKey, type SigningKey } from './signing-key.ts';

export const privateKeySuffix = '.key.pem';
const sealedKeySuffix = '.key.json';
const commandSuffix = '.signer.json';
const publicKeySuffix = '.pub.pem';
/** Of the files of a folder that are read as keys. */
const keySuffixes = ['.pem', sealedKeySuffix, commandSuffix];

/** As the command line has them. */
export interface KeyPlaces {
  /** Files, or `env:NAME`. */
  readonly key?: readonly string[];
  /** A folder. */
  readonly keys?: string;
  readonly passphraseFile?: string;
}

/**
 * Every private key given: one by one, and folders by their `*.pem`, `*.key.json` and `*.signer.json`. Public keys in a
 * folder are passed over; one given by itself is refused, since it cannot sign. Private keys that other accounts may
 * read are told of.
 * @param say takes one line for a person
 * @throws SlipwayError `key-unreadable`, `key-locked`, `signer-failed`
 */
export async function readSigningKeys(
  { key: sources = [], keys: folder, passphraseFile }: KeyPlaces,
  around: KeySurroundings,
  say: (line: string) => void,
): Promise<SigningKey[]> {
  const keys = new Map<string, SigningKey>();
  const take = async (source: string, key: SigningKey) => {
    keys.set(key.keyId, key);
    if (!isFileSource(source) || source.endsWith(commandSuffix)) return;
    for (const { mode } of await openSecrets([source])) {
      say(`Other accounts may read the private key ${path.basename(source)} (mode ${mode}); make it 0600.`);
    }
  };
  for (const source of sources) {
    const key = await readKey(source, around, passphraseFile);
    if (!isSigningKey(key)) {
      throw new SlipwayError('key-unreadable', `${path.basename(source)} is a public key and cannot sign`, {
        hint: `Give the private key, ${privateKeySuffix}`,
      });
    }
    await take(source, key);
  }
  for (const name of folder === undefined ? [] : await keyFilesOf(folder)) {
    const file = path.join(folder ?? '', name);
    const key = await readKey(file, around, passphraseFile);
    if (isSigningKey(key)) await take(file, key);
  }
  if (keys.size === 0) {
    throw new SlipwayError('key-unreadable', 'no private key was given', {
      hint: 'Name them with --keys DIR or --key FILE.',
    });
  }
  return [...keys.values()];
}

async function keyFilesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => keySuffixes.some((suffix) => name.endsWith(suffix))).sort();
  } catch (cause) {
    throw new SlipwayError('key-unreadable', 'cannot read the folder of --keys', { hint: 'Check the path.', cause });
  }
}

export interface WrittenKey {
  readonly name: string;
  readonly keyId: string;
  readonly privateFile: string;
  readonly publicFile: string;
}

interface NewKey {
  readonly type?: KeyType;
  /** Undefined writes the private key as it is. */
  readonly passphrase?: string | undefined;
}

/**
 * Makes a key pair and writes it as `<name>.key.pem`, or sealed as `<name>.key.json` (mode 0600), and `<name>.pub.pem`.
 * @throws SlipwayError `key-unreadable` where one of the two is there already: a key is never overwritten
 */
export async function writeKeyPair(
  folder: string,
  name: string,
  { type, passphrase }: NewKey = {},
): Promise<WrittenKey> {
  const pair = generateKeyPair(type);
  const isSealed = passphrase !== undefined;
  const content = isSealed ? `${JSON.stringify(sealKey(pair, passphrase), undefined, 2)}\n` : pair.privatePem;
  const privateFile = path.join(folder, name + (isSealed ? sealedKeySuffix : privateKeySuffix));
  const publicFile = path.join(folder, name + publicKeySuffix);
  const created =
    !(await isThere(publicFile)) &&
    (await createFile(privateFile, Buffer.from(content), 0o600)) &&
    (await createFile(publicFile, Buffer.from(pair.publicPem), 0o644));
  if (!created) {
    throw new SlipwayError('key-unreadable', `a key named ${name} is in the folder already`, {
      hint: 'Choose another name or folder; a key is never overwritten.',
    });
  }
  return { name, keyId: parseKey(pair.publicPem, name).keyId, privateFile, publicFile };
}

/** As writeKeyPair, but a private key of that name that is there already is kept. */
export async function readOrWriteKeyPair(folder: string, name: string): Promise<void> {
  if (!(await isThere(path.join(folder, name + privateKeySuffix)))) await writeKeyPair(folder, name);
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
