/** From the key that `keygen` makes to a permit that a device believes. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permitAuthorityOf } from '../../../../contract/trust/keys-only-roles.ts';
import { signedPermitSchema } from '../../../../contract/trust/permit.ts';
import { verifyPermit } from '../../../../contract/trust/verify-permit.ts';
import { readPermitKey } from '../../../../distributor/adapters/permit-key.ts';
import { permitIssuer, permitLifetimeSeconds } from '../../../../distributor/rollout/deciding/permit.ts';
import { createTargets } from '../../../../packager/repository/offline-roles.ts';
import { writeKeyPair } from '../../../../system/signing/key-files.ts';
import { readPublicKey } from '../../../../system/signing/key-source.ts';
import { generateKeyPair } from '../../../../system/signing/signing-key.ts';
import { newSigningKey } from '../../../fakes/signed-repository.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'permits-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const nobody = { env: {}, askPassphrase: async () => undefined };
const now = Date.parse('2026-12-01T00:00:00Z');
const order = { product: 'k3s-edge', deviceId: 'wt-1', rollout: 'winter', leave: '2'.repeat(64) };

async function issuerOf(name: string) {
  const { privateFile, publicFile } = await writeKeyPair(folder, name);
  const signer = await readPermitKey(path.join(folder, path.basename(privateFile)));
  const issuer = permitIssuer({ signer, clock: () => now, newId: () => randomBytes(18).toString('base64url') });
  return { issuer, signer, publicKey: await readPublicKey(path.join(folder, path.basename(publicFile)), nobody) };
}

describe('an issued permit', () => {
  it('is believed by a repository that delegates permits to the public half of its key', async () => {
    const { issuer, signer, publicKey } = await issuerOf('permits');
    const one = (key: typeof publicKey) => ({ keys: [key], threshold: 1 });
    const products = new Map([['k3s-edge', one(newSigningKey())]]);
    const { signed } = createTargets({ products, permits: one(publicKey) }, one(newSigningKey()), new Date(now));
    const authority = permitAuthorityOf(signed);
    expect([...(authority?.keys.keys() ?? [])]).toEqual([signer.keyId]);
    const permit = issuer.issue(order);
    expect(signedPermitSchema.parse(JSON.parse(JSON.stringify(permit)))).toEqual(permit);
    const { leave: current, ...rest } = order;
    expect(verifyPermit(permit, authority, { ...rest, current, now })).toEqual(permit.signed);
  });

  it('holds for a day by the clock of the server, and is another one each time', async () => {
    const { issuer } = await issuerOf('daily');
    const permits = [issuer.issue(order), issuer.issue(order)];
    expect(permits.map(({ signed }) => Date.parse(signed.expires) - now)).toEqual(
      Array(2).fill(permitLifetimeSeconds * 1000),
    );
    expect(new Set(permits.map(({ signed }) => signed.id)).size).toBe(2);
  });
});

describe('the key of permits', () => {
  it.each([
    ['that is not there', undefined],
    ['that is no key', 'hello'],
    ['that is public only', 'public'],
    ['of another kind', 'rsa'],
    ['of a type that permits do not have', 'ecdsa'],
    ['that another program has', 'command'],
  ])('%s is refused when the server starts', async (_, kind) => {
    const { publicFile } = await writeKeyPair(folder, `other-${kind}`);
    const file = path.join(folder, `key-${kind}`);
    if (kind === 'hello') await writeFile(file, kind);
    if (kind === 'ecdsa') await writeFile(file, generateKeyPair('ecdsa-p256').privatePem);
    if (kind === 'command') await writeFile(file, signingCommand);
    if (kind === 'rsa') await writeFile(file, rsaKey());
    const named = kind === 'public' ? path.join(folder, path.basename(publicFile)) : file;
    await expect(readPermitKey(named)).rejects.toMatchObject({ code: 'key-unreadable' });
  });
});

const signingCommand = JSON.stringify({
  ...{ schemaVersion: 1, kind: 'signing-command', sign: ['cat'] },
  publicKey: ['echo', generateKeyPair().publicPem],
});

function rsaKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}
