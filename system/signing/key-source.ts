/**
 * Reads a key from wherever it is: a PEM file, a file sealed with a passphrase, a file that names a signing command, or
 * one of these in an environment variable. Whoever signs does not see which it was.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { findPassphrase, type KeySurroundings } from './passphrase.ts';
import { openSealedKey, parseSealedKey, type SealedKey } from './sealed-key.ts';
import type { SigningCommand } from './signing-command.ts';
import { type CommandPlace, keyByCommand, parseSigningCommand, publicKeyByCommand } from './signing-command.ts';
import { type PublicKey, parseKey, type SigningKey } from './signing-key.ts';

const inEnvironment = 'env:';

type FoundKey =
  | { readonly kind: 'pem'; readonly text: string; readonly name: string }
  | { readonly kind: 'sealed'; readonly sealed: SealedKey; readonly name: string }
  | { readonly kind: 'command'; readonly command: SigningCommand; readonly name: string };

/** True where the source is a file, which has a mode. */
export function isFileSource(source: string): boolean {
  return !source.startsWith(inEnvironment);
}

/**
 * A key that can sign, or a public one where the source has no more. A sealed key is opened.
 * @param source a path, or `env:NAME`
 * @param passphraseFile goes before the environment
 * @throws SlipwayError `key-unreadable`, `key-locked`, `signer-failed`
 */
export async function readKey(
  source: string,
  around: KeySurroundings,
  passphraseFile?: string,
): Promise<PublicKey | SigningKey> {
  const found = await find(source, around);
  if (found.kind === 'pem') return parseKey(found.text, found.name);
  if (found.kind === 'command') return keyByCommand(found.command, placeOf(source, found.name, around));
  const passphrase = await findPassphrase(found.name, passphraseFile, around);
  return parseKey(openSealedKey(found.sealed, passphrase, found.name), found.name);
}

/**
 * The public half alone: nothing is opened, and no token is asked to sign.
 * @throws SlipwayError `key-unreadable`, `signer-failed`
 */
export async function readPublicKey(source: string, around: KeySurroundings): Promise<PublicKey> {
  const found = await find(source, around);
  if (found.kind === 'command') return publicKeyByCommand(found.command, placeOf(source, found.name, around));
  const { keyId, key } = parseKey(found.kind === 'pem' ? found.text : found.sealed.publicKey, found.name);
  return { keyId, key };
}

async function find(source: string, { env }: KeySurroundings): Promise<FoundKey> {
  const name = isFileSource(source) ? path.basename(source) : source;
  const text = isFileSource(source) ? await readText(source, name) : env[source.slice(inEnvironment.length)];
  if (text === undefined || text === '') {
    throw new SlipwayError('key-unreadable', `there is no key in ${name}`, { hint: 'Set the variable to a PEM.' });
  }
  if (!text.trimStart().startsWith('{')) return { kind: 'pem', text, name };
  const value = jsonOf(text);
  const [sealed, command] = [parseSealedKey(value), parseSigningCommand(value)];
  if (sealed) return { kind: 'sealed', sealed, name };
  if (command) return { kind: 'command', command, name };
  throw new SlipwayError('key-unreadable', `${name} is neither a sealed key nor a signing command of this version`, {
    hint: 'Make a sealed key with slipway-packager keygen --sealed; docs/keys.md shows a signing command.',
  });
}

async function readText(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new SlipwayError('key-unreadable', `cannot read the key ${name}`, {
      hint: 'Check the path and its permissions.',
      cause,
    });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function placeOf(source: string, name: string, { env }: KeySurroundings): CommandPlace {
  return { folder: isFileSource(source) ? path.dirname(path.resolve(source)) : process.cwd(), env, name };
}
