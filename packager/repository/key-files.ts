/** Reads and writes keys on disk: one PEM a file, private ones readable by their owner only. */
import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { createFile } from '../../system/files/durable-file.ts';
import { openSecrets } from '../../system/files/open-secrets.ts';
import { generateKeyPair, isSigningKey, type PublicKey, parseKey, type SigningKey } from './signing-key.ts';

export const privateKeySuffix = '.key.pem';
const publicKeySuffix = '.pub.pem';

/** As the command line has them: files by `--key`, a folder by `--keys`. */
interface KeyPlaces {
  readonly key?: readonly string[];
  readonly keys?: string;
}

/** @throws SlipwayError `key-unreadable` */
export async function readKeyFile(file: string): Promise<PublicKey | SigningKey> {
  let pem: string;
  try {
    pem = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SlipwayError('key-unreadable', `cannot read the key ${path.basename(file)}`, {
      hint: 'Check the path and its permissions.',
      cause,
    });
  }
  return parseKey(pem, path.basename(file));
}

/**
 * Every private key given: files one by one, folders by their `*.pem`. Public keys in a folder are passed over; one
 * given as a file is refused, since it cannot sign. Private keys that other accounts may read are told of.
 * @param say takes one line for a person
 * @throws SlipwayError `key-unreadable`
 */
export async function readSigningKeys(
  { key: files = [], keys: folder }: KeyPlaces,
  say: (line: string) => void,
): Promise<SigningKey[]> {
  const keys = new Map<string, SigningKey>();
  const take = async (file: string, key: SigningKey) => {
    keys.set(key.keyId, key);
    for (const { mode } of await openSecrets([file])) {
      say(`Other accounts may read the private key ${path.basename(file)} (mode ${mode}); make it 0600.`);
    }
  };
  for (const file of files) {
    const key = await readKeyFile(file);
    if (!isSigningKey(key)) {
      throw new SlipwayError('key-unreadable', `${path.basename(file)} is a public key and cannot sign`, {
        hint: `Give the private key, ${privateKeySuffix}`,
      });
    }
    await take(file, key);
  }
  for (const name of folder === undefined ? [] : await pemFiles(folder)) {
    const file = path.join(folder ?? '', name);
    const key = await readKeyFile(file);
    if (isSigningKey(key)) await take(file, key);
  }
  if (keys.size === 0) {
    throw new SlipwayError('key-unreadable', 'no private key was given', {
      hint: 'Name them with --keys DIR or --key FILE.',
    });
  }
  return [...keys.values()];
}

async function pemFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.pem')).sort();
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

/**
 * Makes a key pair and writes it as `<name>.key.pem` (mode 0600) and `<name>.pub.pem`.
 * @throws SlipwayError `key-unreadable` where one of the two is there already: a key is never overwritten
 */
export async function writeKeyPair(folder: string, name: string): Promise<WrittenKey> {
  const pair = generateKeyPair();
  const privateFile = path.join(folder, name + privateKeySuffix);
  const publicFile = path.join(folder, name + publicKeySuffix);
  const created =
    (await createFile(privateFile, Buffer.from(pair.privatePem), 0o600)) &&
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
  const existing = await access(path.join(folder, name + privateKeySuffix)).then(
    () => true,
    () => false,
  );
  if (!existing) await writeKeyPair(folder, name);
}
