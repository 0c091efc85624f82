/**
 * Signs a person in by the device authorization grant (RFC 8628) with openid-client: the person confirms a code in a
 * browser, on whatever machine it is, and this one gets the token. Nothing listens here, and no secret of a client is needed.
 */
import * as client from 'openid-client';
import { SlipwayError } from '../../../contract/errors.ts';
import { keepsSecrets } from '../../../system/network/transport.ts';
import type { PersonLogin, SignedInPerson } from '../../people/login-ports.ts';
import type { LoginPlace } from '../../people/login-view.ts';

export const deviceLogin: PersonLogin = {
  async signIn(place, ask) {
    try {
      return await signInAt(place, ask);
    } catch (cause) {
      if (cause instanceof SlipwayError) throw cause;
      throw new SlipwayError('login-failed', `${place.issuer} did not sign you in: ${reasonOf(cause)}`, {
        cause,
        hint: 'Sign in again. The client of the issuer has to be public and to allow the device authorization grant.',
      });
    }
  },
};

async function signInAt(place: LoginPlace, ask: Parameters<PersonLogin['signIn']>[1]): Promise<SignedInPerson> {
  const issuer = new URL(place.issuer);
  if (!keepsSecrets(issuer)) throw new Error('it is asked without TLS');
  const insecure = issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {};
  const configuration = await client.discovery(issuer, place.clientId, undefined, client.None(), insecure);
  const begun = await client.initiateDeviceAuthorization(configuration, {
    scope: place.scopes.join(' '),
    ...(place.resource === undefined ? {} : { resource: place.resource }),
  });
  ask({ url: begun.verification_uri_complete ?? begun.verification_uri, code: begun.user_code });
  const answer = await client.pollDeviceAuthorizationGrant(configuration, begun);
  const token = answer[place.token];
  if (token === undefined) throw new Error(`its answer has no ${place.token}`);
  return { token, expiresInSeconds: answer.expiresIn() };
}

function reasonOf(cause: unknown): string {
  if (cause instanceof client.ResponseBodyError) return cause.error_description ?? cause.error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}
