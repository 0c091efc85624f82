/**
 * Seals a private key with a passphrase, and opens it: scrypt (RFC 7914) makes the key of AES-256-GCM, which also covers
 * the public half that stands beside it. The file is JSON with a version of its own.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import * as z from 'zod';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { KeyPairPem } from './signing-key.ts';

/** 128 MiB and some 0.4 s a try. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const;
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
/** Shorter ones are guessed. */
const minPassphraseCharacters = 8;

const sealedKeySchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.literal('sealed-key'),
  publicKey: z.string().max(1000),
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    /** Bounded, so that a file that somebody else wrote takes no more than 1 GiB of memory. */
    N: z.union([14, 15, 16, 17, 18, 19, 20].map((log) => z.literal(2 ** log))),
    r: z.literal(8),
    p: z.number().int().min(1).max(4),
    salt: z.base64(),
  }),
  cipher: z.strictObject({ name: z.literal('aes-256-gcm'), nonce: z.base64(), tag: z.base64() }),
  /** The PKCS#8 PEM, encrypted. */
  sealed: z.base64(),
});
export type SealedKey = z.infer<typeof sealedKeySchema>;

/** Undefined for anything that is no sealed key. */
export function parseSealedKey(value: unknown): SealedKey | undefined {
  return sealedKeySchema.safeParse(value).data;
}

/** @throws SlipwayError `key-locked` where the passphrase is too short to protect anything */
export function sealKey({ privatePem, publicPem }: KeyPairPem, passphrase: string): SealedKey {
  if (passphrase.length < minPassphraseCharacters) {
    throw new SlipwayError('key-locked', `expected a passphrase of ${minPassphraseCharacters} characters at least`, {
      hint: 'Take a longer one, such as five random words.',
    });
  }
  const [salt, nonce] = [randomBytes(saltBytes), randomBytes(nonceBytes)];
  const head = {
    schemaVersion: 1,
    kind: 'sealed-key',
    publicKey: publicPem,
    kdf: { name: 'scrypt', ...cost, salt: salt.toString('base64') },
  } as const;
  const cipher = createCipheriv('aes-256-gcm', cipherKey(passphrase, head.kdf), nonce).setAAD(canonicalJson(head));
  const sealed = Buffer.concat([cipher.update(privatePem, 'utf8'), cipher.final()]).toString('base64');
  const tag = cipher.getAuthTag().toString('base64');
  return { ...head, cipher: { name: 'aes-256-gcm', nonce: nonce.toString('base64'), tag }, sealed };
}

/**
 * @param name used in messages
 * @returns the PKCS#8 PEM
 * @throws SlipwayError `key-locked` for a wrong passphrase or a file that was changed
 */
export function openSealedKey({ cipher, sealed, ...head }: SealedKey, passphrase: string, name: string): string {
  try {
    const [nonce, tag] = [Buffer.from(cipher.nonce, 'base64'), Buffer.from(cipher.tag, 'base64')];
    const options = { authTagLength: tagBytes };
    const decipher = createDecipheriv('aes-256-gcm', cipherKey(passphrase, head.kdf), nonce, options)
      .setAAD(canonicalJson(head))
      .setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed, 'base64'), decipher.final()]).toString('utf8');
  } catch {
    throw new SlipwayError('key-locked', `the passphrase does not open ${name}`, {
      hint: 'Give the passphrase that the key was made with. If it is right, the file was damaged.',
    });
  }
}

function cipherKey(passphrase: string, { N, r, p, salt }: SealedKey['kdf']): Buffer {
  const maxmem = 2 * 128 * N * r * p;
  return scryptSync(passphrase.normalize('NFC'), Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem });
}
