/** One key in every form that it may have: whoever signs does not see which it was. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isSignature } from '../../../contract/trust/signature.ts';
import { readSigningKeys, writeKeyPair } from '../../../system/signing/key-files.ts';
import { readKey, readPublicKey } from '../../../system/signing/key-source.ts';
import type { KeySurroundings } from '../../../system/signing/passphrase.ts';
import { sealKey } from '../../../system/signing/sealed-key.ts';
import { generateKeyPair, isSigningKey, keyTypes, parseKey } from '../../../system/signing/signing-key.ts';
import { isWideRun, sampled } from '../../sampling.ts';

const nobody: KeySurroundings = { env: {}, askPassphrase: async () => undefined };
const passphrase = 'five random words are enough';
const data = Buffer.from('what is signed');

async function folder() {
  const made = await mkdtemp(path.join(tmpdir(), 'slipway-keys-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return (name: string) => path.join(made, name);
}

/** Signs by node's crypto, in the form that is asked for, as a tool for tokens does. */
const tool = `
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
const [, , verb, form, hash] = process.argv;
const key = createPrivateKey(readFileSync('token.secret'));
if (verb === 'fail') { process.stderr.write('the token is locked'); process.exit(3); }
if (verb === 'sign') {
  const dsaEncoding = form === 'pair' ? 'ieee-p1363' : 'der';
  const sig = sign(hash === 'none' ? null : hash, readFileSync(0), { key, dsaEncoding });
  process.stdout.write(form === 'base64' || form === 'hex' ? sig.toString(form) + '\\n' : sig);
}
if (verb === 'other') process.stdout.write('AAAA');
`;

async function token(at: (name: string) => string, type: (typeof keyTypes)[number], sign: string[], seconds = 60) {
  const pair = generateKeyPair(type);
  await writeFile(at('tool.mjs'), tool);
  await writeFile(at('token.secret'), pair.privatePem);
  await writeFile(at('public.txt'), pair.publicPem);
  const command = { schemaVersion: 1, kind: 'signing-command', timeoutSeconds: seconds };
  const spec = { ...command, sign, publicKey: ['cat', 'public.txt'] };
  await writeFile(at('hsm.signer.json'), JSON.stringify(spec));
  return parseKey(pair.publicPem, 'token');
}

/** The others: `npm test -- --wide`. */
const tried = sampled(keyTypes, 1, isWideRun);

it.each(tried)('%s: a PEM, a sealed file and the environment hold the same key', async (type) => {
  const at = await folder();
  const pair = generateKeyPair(type);
  const named = parseKey(pair.publicPem, 'public');
  await writeFile(at('a.key.pem'), pair.privatePem);
  await writeFile(at('a.key.json'), JSON.stringify(sealKey(pair, passphrase)));
  await writeFile(at('words'), `${passphrase}\n`);
  const around: KeySurroundings = { ...nobody, env: { PEM: pair.privatePem, SLIPWAY_KEY_PASSPHRASE: passphrase } };
  const asked: KeySurroundings = { ...nobody, askPassphrase: async () => passphrase };
  for (const key of [
    await readKey(at('a.key.pem'), nobody),
    await readKey('env:PEM', around),
    await readKey(at('a.key.json'), around),
    await readKey(at('a.key.json'), asked),
    await readKey(at('a.key.json'), { ...nobody, env: { SLIPWAY_KEY_PASSPHRASE: 'another one' } }, at('words')),
  ]) {
    if (!isSigningKey(key)) throw new Error('expected a key that signs');
    expect(key.keyId).toBe(named.keyId);
    expect(isSignature(named.key, data, Buffer.from(key.sign(data).sig, 'hex'))).toBe(true);
  }
  // Naming a key needs no passphrase.
  expect((await readPublicKey(at('a.key.json'), nobody)).keyId).toBe(named.keyId);
});

it('a sealed key opens by its passphrase alone, and only while nobody changed the file', async () => {
  const at = await folder();
  const sealed = sealKey(generateKeyPair(), passphrase);
  const file = at('a.key.json');
  const attempt = async (content: unknown, words?: string) => {
    await writeFile(file, JSON.stringify(content));
    return readKey(file, { ...nobody, askPassphrase: async () => words });
  };
  await expect(attempt(sealed)).rejects.toMatchObject({ code: 'key-locked', message: /needs its passphrase/ });
  await expect(attempt(sealed, 'wrong words')).rejects.toMatchObject({ code: 'key-locked' });
  const other = { ...sealed, publicKey: generateKeyPair().publicPem };
  await expect(attempt(other, passphrase)).rejects.toMatchObject({ code: 'key-locked' });
  for (const odd of [{ ...sealed, schemaVersion: 2 }, { ...sealed, kdf: { ...sealed.kdf, N: 2 ** 24 } }, {}]) {
    await expect(attempt(odd, passphrase)).rejects.toMatchObject({ code: 'key-unreadable' });
  }
  expect(() => sealKey(generateKeyPair(), 'short')).toThrow(expect.objectContaining({ code: 'key-locked' }));
});

it.each([
  ['ed25519', ['sign', 'raw', 'none']],
  ['ed25519', ['sign', 'base64', 'none']],
  ['ecdsa-p256', ['sign', 'raw', 'sha256']],
  ['ecdsa-p256', ['sign', 'hex', 'sha256']],
  ['ecdsa-p256', ['sign', 'pair', 'sha256']],
] as const)('%s by a command that is called with %j', async (type, words) => {
  const at = await folder();
  const named = await token(at, type, [process.execPath, 'tool.mjs', ...words]);
  const [key] = await readSigningKeys(
    { keys: path.dirname(at('x')) },
    { ...nobody, env: process.env },
    () => undefined,
  ).then((keys) => keys.filter(({ isOutside }) => isOutside));
  expect(key?.keyId).toBe(named.keyId);
  // Numbers that begin with zeros have another length.
  for (let round = 0; round < 3; round++) {
    const bytes = Buffer.from(`round ${round}`);
    expect(isSignature(named.key, bytes, Buffer.from(key?.sign(bytes).sig ?? '', 'hex'))).toBe(true);
  }
});

it.each([
  ['fails', ['fail'], /ended with 3: the token is locked/],
  ['hangs', undefined, /did not answer within 1 s/],
  ['signs with another hash', ['sign', 'raw', 'sha512'], /no signature of its key/],
  ['answers something else', ['other'], /no signature of its key/],
] as const)('a command that %s is a failure with a reason', async (_what, words, reason) => {
  const at = await folder();
  await (words
    ? token(at, 'ecdsa-p256', [process.execPath, 'tool.mjs', ...words])
    : token(at, 'ecdsa-p256', ['sleep', '60'], 1));
  const key = await readKey(at('hsm.signer.json'), { ...nobody, env: process.env });
  if (!isSigningKey(key)) throw new Error('expected a key that signs');
  expect(() => key.sign(data)).toThrow(
    expect.objectContaining({
      code: 'signer-failed',
      message: expect.stringMatching(reason),
      hint: expect.any(String),
    }),
  );
});

it('a command that is not there is named', async () => {
  const at = await folder();
  const spec = { schemaVersion: 1, kind: 'signing-command', sign: ['/no/such'], publicKey: ['/no/such'] };
  await writeFile(at('a.signer.json'), JSON.stringify(spec));
  await expect(readKey(at('a.signer.json'), nobody)).rejects.toMatchObject({ code: 'signer-failed' });
});

it.each([{}, { NOWHERE: '' }, { NOWHERE: 'a word' }])('env:NAME without a key is named: %j', async (env) => {
  const failure = { code: 'key-unreadable', message: expect.stringContaining('env:NOWHERE') };
  await expect(readKey('env:NOWHERE', { ...nobody, env })).rejects.toMatchObject(failure);
  await expect(readPublicKey('env:NOWHERE', { ...nobody, env })).rejects.toMatchObject(failure);
});

it('keys are written sealed where there is a passphrase, for their owner alone', async () => {
  const at = await folder();
  const written = await writeKeyPair(path.dirname(at('x')), 'root-1', { type: 'ecdsa-p256', passphrase });
  expect(path.basename(written.privateFile)).toBe('root-1.key.json');
  const around = { ...nobody, env: { SLIPWAY_KEY_PASSPHRASE: passphrase } };
  const said: string[] = [];
  await chmod(written.privateFile, 0o640);
  const [key] = await readSigningKeys({ keys: path.dirname(at('x')) }, around, (line) => said.push(line));
  expect(key?.keyId).toBe(written.keyId);
  expect(said).toEqual([expect.stringContaining('mode 0640')]);
});
