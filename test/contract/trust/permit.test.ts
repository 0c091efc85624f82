/** A permit is believed only whole, only by its device, only for its release, only in its time. */
import { Key } from '@tufjs/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toSlipwayError } from '../../../contract/errors.ts';
import type { KeyAuthority } from '../../../contract/trust/key-authority.ts';
import { type Permit, permitBytes, type SignedPermit, signedPermitSchema } from '../../../contract/trust/permit.ts';
import { type PermitHolder, verifyPermit } from '../../../contract/trust/verify-permit.ts';
import { bitFlips, signPermit } from '../../fakes/permits.ts';
import { newSigningKey } from '../../fakes/signed-repository.ts';

const [key, second, stranger] = [newSigningKey(), newSigningKey(), newSigningKey()];
const noKey = new Key({ keyID: key.keyId, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: 'zz' } });
const authority: KeyAuthority = { keys: new Map([[key.keyId, key.key]]), threshold: 1 };
const twoOfTwo: KeyAuthority = {
  keys: new Map([key, second].map((one) => [one.keyId, one.key])),
  threshold: 2,
};

const now = Date.parse('2026-12-01T00:00:00Z');
const permit: Permit = {
  ...{ schemaVersion: 1, kind: 'permit', product: 'k3s-edge', deviceId: 'wt-1', rollout: 'winter' },
  ...{ leave: '2'.repeat(64), expires: '2026-12-02T00:00:00Z', id: 'AAAAAAAAAAAAAAAAAAAAAAAA' },
};
const holder: PermitHolder = {
  ...{ deviceId: 'wt-1', product: 'k3s-edge', rollout: 'winter', current: '2'.repeat(64), now },
};

function verdict(signed: SignedPermit, by: KeyAuthority | 'nobody' = authority, who: Partial<PermitHolder> = {}) {
  try {
    return verifyPermit(signed, by === 'nobody' ? undefined : by, { ...holder, ...who });
  } catch (thrown) {
    return toSlipwayError(thrown).code;
  }
}

describe('a permit', () => {
  const good = signPermit(permit, key);

  it('of the delegated key is believed by the device that it names', () => {
    expect(verdict(good)).toEqual(permit);
  });

  it('is signed over canonical bytes, so that the order of its fields on the way does not matter', () => {
    const reversed = Object.fromEntries(Object.entries(permit).reverse()) as Permit;
    expect(permitBytes(reversed)).toEqual(permitBytes(permit));
    expect(verdict({ ...good, signed: reversed })).toEqual(permit);
  });

  const forged = (change: Partial<Permit>): SignedPermit => ({ ...good, signed: { ...permit, ...change } });
  const table: readonly [string, unknown, string][] = [
    ['of another key', verdict(signPermit(permit, stranger)), 'permit-invalid'],
    [
      'of another key that claims to be the delegated one',
      verdict({
        signed: permit,
        signatures: signPermit(permit, stranger).signatures.map(({ sig }) => ({ keyid: key.keyId, sig })),
      }),
      'permit-invalid',
    ],
    [
      'changed to another device',
      verdict(forged({ deviceId: 'wt-2' }), authority, { deviceId: 'wt-2' }),
      'permit-invalid',
    ],
    [
      'changed to another release',
      verdict(forged({ leave: '3'.repeat(64) }), authority, { current: '3'.repeat(64) }),
      'permit-invalid',
    ],
    ['changed to hold longer', verdict(forged({ expires: '2099-01-01T00:00:00Z' })), 'permit-invalid'],
    ['changed to another id', verdict(forged({ id: 'B'.repeat(24) })), 'permit-invalid'],
    ['of another device', verdict(good, authority, { deviceId: 'wt-2' }), 'permit-not-for-device'],
    ['of another product', verdict(good, authority, { product: 'k0s-edge' }), 'permit-not-for-device'],
    ['of another rollout than the answer', verdict(good, authority, { rollout: 'summer' }), 'permit-invalid'],
    [
      'for a release that does not run',
      verdict(good, authority, { current: '3'.repeat(64) }),
      'permit-not-for-release',
    ],
    ['at the second it expires', verdict(good, authority, { now: Date.parse(permit.expires) }), 'permit-expired'],
    ['years later', verdict(good, authority, { now: Date.parse('2036-01-01T00:00:00Z') }), 'permit-expired'],
    ['in a repository that delegates permits to nobody', verdict(good, 'nobody'), 'permits-not-delegated'],
    ['where permits have no key', verdict(good, { keys: new Map(), threshold: 1 }), 'permit-invalid'],
    [
      'under a threshold of none, without a signature that holds',
      verdict(signPermit(permit, stranger), { ...authority, threshold: 0 }),
      'permit-invalid',
    ],
    ['under a threshold of two, signed by one', verdict(signPermit(permit, key), twoOfTwo), 'permit-invalid'],
    [
      'under a threshold of two, signed twice by one',
      verdict(signPermit(permit, key, key), twoOfTwo),
      'permit-invalid',
    ],
    [
      'whose key is no point of the curve',
      verdict(good, { keys: new Map([[key.keyId, noKey]]), threshold: 1 }),
      'permit-invalid',
    ],
  ];

  it.each(table)('%s is refused', (_, found, code) => {
    expect(found).toBe(code);
  });

  it('under a threshold of two is believed with two different signatures', () => {
    expect(verdict(signPermit(permit, key, second), twoOfTwo)).toEqual(permit);
  });

  it('with any bit changed is no permit or is refused', () => {
    let refused = 0;
    for (const { at, value } of bitFlips(good)) {
      const parsed = signedPermitSchema.safeParse(value);
      if (!parsed.success) continue;
      expect(verdict(parsed.data), `bit ${at}`).toBe('permit-invalid');
      refused++;
    }
    // The others break the schema.
    expect(refused).toBeGreaterThan(500);
  });

  it('is never believed unless all that it says is true of the device', () => {
    const digest = fc.constantFrom('2'.repeat(64), '3'.repeat(64));
    const name = fc.constantFrom('wt-1', 'wt-2');
    const rollout = fc.constantFrom('winter', 'summer');
    const signer = fc.constantFrom(key, stranger);
    fc.assert(
      fc.property(
        fc.record({ leave: digest, deviceId: name, rollout }),
        fc.record({ current: digest, deviceId: name, rollout, now: fc.integer({ min: now - 1e9, max: now + 1e9 }) }),
        signer,
        (says, is, by) => {
          const found = verdict(signPermit({ ...permit, ...says }, by), authority, is);
          const isTrue =
            by === key &&
            says.leave === is.current &&
            says.deviceId === is.deviceId &&
            says.rollout === is.rollout &&
            is.now < Date.parse(permit.expires);
          expect(typeof found === 'object').toBe(isTrue);
        },
      ),
      { numRuns: 500 },
    );
  });
});
