/** What is signed and read anew for each request: one of a device, and a link to private content. Nothing else may pass. */
import { isSignedBy, type SignedRequest } from '../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { deviceOfLink, linkQuerySchema, signedLinkQuery } from '../../distributor/fleet/access/signed-link.ts';
import { signingKey } from '../fakes/signing-key.ts';
import type { Parser } from './parsers.ts';

const nowMs = Date.UTC(2026, 10, 1);
const path = '/v1/devices/gate-1/session';

/** Three fields and the body, a line each. */
export function signedRequest(): Parser {
  const key = signingKey();
  const fields = key.fields('POST', path, { schemaVersion: 1, bootId: 'a' }, nowMs);
  const [digest, input] = [fields['content-digest'], fields['signature-input']];
  const sample = [digest, input, fields.signature, '{"schemaVersion":1,"bootId":"a"}'].join('\n');
  return {
    name: 'signed request',
    samples: [Buffer.from(sample)],
    read(bytes) {
      const [first = '', second = '', third = '', ...rest] = Buffer.from(bytes).toString('latin1').split('\n');
      const request: SignedRequest = { method: 'POST', path, body: Buffer.from(rest.join('\n'), 'latin1') };
      const given = { 'content-digest': first, 'signature-input': second, signature: third };
      if (!isSignedBy(key.publicKey, request, given)) throw new SlipwayError('request-signature-invalid', 'not signed');
      if (first !== digest || second !== input) throw new Error('another request passes');
    },
  };
}

/** The query of a link to one blob. */
export function privateLink(): Parser {
  const key = { id: 'a1', secret: Buffer.alloc(32, 7).toString('base64url'), createdAt: nowMs };
  const blob = `/v1/blobs/${'a'.repeat(64)}`;
  const sample = signedLinkQuery(key, blob, 'gate-1', nowMs);
  const { device, expires } = Object.fromEntries(new URLSearchParams(sample));
  return {
    name: 'private link',
    samples: [Buffer.from(sample)],
    read(bytes) {
      const query = Object.fromEntries(new URLSearchParams(Buffer.from(bytes).toString('latin1')));
      const parsed = linkQuerySchema.safeParse(query);
      const reader = parsed.success ? deviceOfLink([key], blob, parsed.data, nowMs) : undefined;
      if (reader === undefined) throw new SlipwayError('unauthenticated', 'no link');
      if (reader !== device || query.expires !== expires) throw new Error('another link passes');
    },
  };
}
