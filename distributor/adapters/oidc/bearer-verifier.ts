/**
 * Verifies the bearers of people by jose: JWTs (RFC 7519) of the issuers that `serve --people` names, signed by keys that
 * the issuers publish. Only asymmetric algorithms are taken, and no key or address that a bearer brings along.
 */
import { decodeJwt, errors, jwtVerify } from 'jose';
import { ProxyAgent } from 'undici';
import { SlipwayError } from '../../../contract/errors.ts';
import { agentByOrigin } from '../../../system/network/agent-by-origin.ts';
import type { ProxyRule } from '../../../system/network/proxy.ts';
import type { Issuer } from '../../people/issuers.ts';
import type { BearerVerifier } from '../../people/people.ts';
import { clockToleranceSeconds, type PersonClaims } from '../../people/person.ts';
import { IssuerKeys } from './issuer-keys.ts';

export interface VerifierOptions {
  readonly proxies: ProxyRule;
  readonly timeoutMs?: number;
}

/** Signed by a key that the server does not have: a shared secret would be a public key to whoever knows that. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
];
/** A logout token or an event is signed by the same keys, and is no bearer (RFC 8725, 3.11). */
const types = ['jwt', 'at+jwt', 'application/at+jwt'];
const defaultTimeoutMs = 5000;
const maxAnswerBytes = 512 * 1024;

export function bearerVerifier(issuers: readonly Issuer[], options: VerifierOptions): BearerVerifier {
  const { proxies, timeoutMs = defaultTimeoutMs } = options;
  const bounds = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: maxAnswerBytes };
  const dispatcher = agentByOrigin(
    proxies,
    { ...bounds, connect: { timeout: timeoutMs } },
    (proxy) => new ProxyAgent({ ...bounds, uri: proxy.url.href, proxyTunnel: true, connectTimeout: timeoutMs }),
  );
  const known = new Map(
    issuers.map((issuer) => [
      issuer.issuer,
      { issuer, keys: new IssuerKeys(issuer.issuer, { dispatcher, timeoutMs }) },
    ]),
  );
  return {
    async verify(bearer, now) {
      try {
        const found = known.get(decodeJwt(bearer).iss ?? '');
        if (!found) throw refused('no issuer that this server knows made it');
        const { issuer, keys } = found;
        const { payload, protectedHeader } = await jwtVerify(bearer, keys.keyAt(now), {
          algorithms,
          issuer: issuer.issuer,
          audience: issuer.audience,
          requiredClaims: ['exp', 'sub'],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(now),
        });
        const { typ = 'JWT' } = protectedHeader;
        if (!types.includes(typ.toLowerCase())) throw refused(`it is a ${typ}`);
        return { issuer, claims: payload as PersonClaims };
      } catch (error) {
        throw error instanceof SlipwayError ? error : refused(reasonOf(error), error);
      }
    },
    close: () => dispatcher.close(),
  };
}

function refused(reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('unauthenticated', `the bearer is not taken: ${reason}`, {
    cause,
    hint: 'Sign in again; the issuer and the audience are those of the file of serve --people.',
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has ended';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} does not hold`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not one of those that are taken';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer has no such key';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not hold';
  return 'it is no JWT of the form that is expected';
}
