/** Gives a device a short bearer for a request that it signed with its key, once for each signature. */
import {
  isSignedBy,
  parseSignature,
  type SignatureFields,
  type SignedRequest,
} from '../../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { mintToken, type RandomBytes } from '../access/token.ts';
import type { FleetState } from '../ports.ts';
import { requireAccepted } from './accepted-device.ts';
import { isTimely, signatureSeconds } from './nonces.ts';

interface SigningIn {
  readonly id: string;
  readonly request: SignedRequest;
  readonly fields: Partial<SignatureFields>;
  readonly lifetimeSeconds: number;
  readonly now: number;
  readonly randomBytes: RandomBytes;
}

/**
 * @returns the bearer
 * @throws SlipwayError `device-key-unknown`, `request-signature-invalid`, `request-stale`, `request-replayed`,
 *   `rate-limited`, and those of requireAccepted
 */
export async function signIn(
  fleet: Pick<FleetState, 'findDevice' | 'signIn'>,
  { id, request, fields, lifetimeSeconds, now, randomBytes }: SigningIn,
): Promise<string> {
  const parameters = parseSignature(fields);
  if (!parameters) throw invalidSignature('it has none of the form that is expected');
  const device = await fleet.findDevice(id);
  // One code for an unknown device and an unknown key: a guesser learns nothing.
  if (device?.publicKey === undefined) throw unknownKey(id);
  if (!isSignedBy(device.publicKey, request, fields)) {
    throw invalidSignature('it does not fit the request and the key of the device');
  }
  if (!isTimely(parameters, now)) {
    throw new SlipwayError('request-stale', `the request was signed more than ${signatureSeconds} s from now`, {
      hint: 'Correct the clock of the device, or of the server.',
    });
  }
  requireAccepted(id, device.status);
  const { nonce, created } = parameters;
  const { token, record } = mintToken({ purpose: 'device', deviceId: id, lifetimeSeconds, now, randomBytes });
  const { publicKey } = device;
  const outcome = await fleet.signIn({ deviceId: id, publicKey, nonce, created, bearer: record, at: now });
  switch (outcome) {
    case 'signed-in':
      return token;
    case 'replayed':
      throw new SlipwayError('request-replayed', 'a request with this signature came before', {
        hint: 'Sign each request with a nonce of its own.',
      });
    case 'too-many':
      throw new SlipwayError('rate-limited', `device ${id} signs in too often`);
    case 'not-accepted':
      throw unknownKey(id);
    default:
      return outcome satisfies never;
  }
}

function invalidSignature(why: string): SlipwayError {
  return new SlipwayError('request-signature-invalid', `the signature of the request does not hold: ${why}`, {
    hint: 'See docs/identity.md for what is signed.',
  });
}

function unknownKey(id: string): SlipwayError {
  return new SlipwayError('device-key-unknown', `no key of a device ${id} is known here`, {
    hint: 'Enrol the device, or register its key with the token that it has.',
  });
}
