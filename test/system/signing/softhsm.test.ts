/** A key that never leaves a token: the example of the documents with SoftHSM, through PKCS#11, and a device's rules. */

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isSignature } from '../../../contract/trust/signature.ts';
import { readKey } from '../../../system/signing/key-source.ts';
import { isSigningKey } from '../../../system/signing/signing-key.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';

const example = path.join(import.meta.dirname, '../../../infra/examples/hsm.signer.json');
const module = '/usr/lib/softhsm/libsofthsm2.so';

async function token() {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-token-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'tokens'));
  const configuration = path.join(folder, 'softhsm2.conf');
  await writeFile(configuration, `directories.tokendir = ${folder}/tokens\nobjectstore.backend = file\n`);
  const env = { ...process.env, SOFTHSM2_CONF: configuration, SLIPWAY_PIN: '1234' };
  const run = (program: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
  };
  run('softhsm2-util', '--init-token', '--free', '--label', 'slipway', '--pin', '1234', '--so-pin', '5678');
  const login = ['--module', module, '--token-label', 'slipway', '--login', '--pin', 'env:SLIPWAY_PIN'];
  run('pkcs11-tool', ...login, '--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'targets-1');
  return env;
}

describeUnless(missingCommands('softhsm2-util', 'pkcs11-tool', 'openssl'), 'a token behind PKCS#11', () => {
  it('signs by its PIN what a device verifies, and nothing by another', async () => {
    const env = await token();
    const nobody = async () => undefined;
    const key = await readKey(example, { env, askPassphrase: nobody });
    if (!isSigningKey(key)) throw new Error('expected a key that signs');
    expect(key.key.keyType).toBe('ecdsa');
    const data = Buffer.from('targets');
    expect(isSignature(key.key, data, Buffer.from(key.sign(data).sig, 'hex'))).toBe(true);
    const locked = await readKey(example, { env: { ...env, SLIPWAY_PIN: '9999' }, askPassphrase: nobody });
    expect(() => isSigningKey(locked) && locked.sign(data)).toThrow(expect.objectContaining({ code: 'signer-failed' }));
  });
});
