/**
 * Names by a code what went wrong between this device and a server: everything here is the path's. A code that a server
 * or something before it names is believed only where it is one of these.
 */
import type { Dispatcher } from 'undici';
import { errorAnswerSchema } from '../../../contract/device-api/enrolment.ts';
import { type ErrorCode, faultOf, isErrorCode, SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { ServerBusy } from '../../device/server-busy.ts';
import { retryAfterSeconds } from '../../update/retry.ts';

/** Codes of Node for TLS, and what helps. The rest of them: no TLS at all, or one of another kind. */
const tlsFailures: readonly (readonly [RegExp, string])[] = [
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    'Set the clock of this device; where it is right, renew the certificate of the server.',
  ],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    'Write `server` in edge.yaml with a name that the certificate has; a proxy or portal may answer in its place.',
  ],
  [
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$)/,
    'Name the certificate of its CA with `caFile` in edge.yaml, or add it to those of this system; a wrong clock may do this, too.',
  ],
  [
    /^(ERR_TLS_|ERR_SSL_|EPROTO$)/,
    'Check that `server` and `proxy` in edge.yaml name addresses and ports that speak TLS.',
  ],
];
const stalled = ['UND_ERR_BODY_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'];

/** @param origin without a path: a path may hold a signature */
export function connectionError(error: unknown, origin: string): unknown {
  if (error instanceof SlipwayError || (error instanceof Error && error.name === 'AbortError')) return error;
  const codes = [codeOf(error), error instanceof Error ? codeOf(error.cause) : ''];
  const message = `${origin}: ${error instanceof Error ? error.message || codes[0] : String(error)}`;
  if (codes.some((code) => stalled.includes(code))) {
    return new SlipwayError('download-stalled', message, { cause: error });
  }
  for (const [pattern, hint] of tlsFailures) {
    const failed = codes.find((code) => pattern.test(code));
    if (failed !== undefined) return new SlipwayError('tls-failed', `${message} (${failed})`, { cause: error, hint });
  }
  return new SlipwayError('server-unreachable', message, {
    cause: error,
    hint: 'Check the network, and `server` and `proxy` in edge.yaml.',
  });
}

/** What to do about a proxy that wants to know who asks. @param from what names the proxy; undefined: nothing does */
export function proxyHint(from = 'proxy of edge.yaml (or HTTPS_PROXY)'): string {
  return `Put a user and a password into ${from}: http://user:password@host:port.`;
}

/** An answer that is not a success. @param body as much of it as was read */
export function refusal(path: string, answer: Dispatcher.ResponseData, body: Uint8Array): SlipwayError {
  const { statusCode: status } = answer;
  const parsed = errorAnswerSchema.safeParse(parseJson(body));
  const reason = parsed.success ? `${parsed.data.code}: ${parsed.data.message}` : 'no reason given';
  const message = `${path}: the server answered ${status} (${reason})`;
  const hintOf407 = status === 407 ? proxyHint() : undefined;
  const hinted = (parsed.success ? parsed.data.hint : undefined) ?? hintOf407;
  const hint = hinted === undefined ? {} : { hint: hinted };
  const isPassing = status >= 500 || [408, 425, 429].includes(status);
  const code = codeOfStatus(status, parsed.success ? parsed.data.code : '', isPassing);
  const after = isPassing ? waitAsked(flatten(answer.headers)) : undefined;
  return after === undefined ? new SlipwayError(code, message, hint) : new ServerBusy(code, message, after, hint);
}

function codeOfStatus(status: number, named: string, isPassing: boolean): ErrorCode {
  if (status === 407) return 'proxy-refused';
  if (isErrorCode(named) && faultOf(named) === 'path') return named;
  return isPassing ? 'server-unreachable' : 'server-refused';
}

/** A date is measured against the server's own clock: this machine's may be wrong by years. */
function waitAsked(headers: Record<string, string | undefined>): number | undefined {
  const serverNow = Date.parse(headers.date ?? '');
  const now = Number.isNaN(serverNow) ? Date.now() : serverNow;
  return retryAfterSeconds(headers['retry-after'], now, limits.maxRetryAfterSeconds);
}

/** Node's decoders would inflate silently what was signed for as it is; so nothing encoded is taken. */
export function refuseEncoding(path: string, headers: Dispatcher.ResponseData['headers']): void {
  const encoding = flatten(headers)['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw invalidAnswer(`${path}: content-encoding ${encoding}`);
}

export function invalidAnswer(message: string): SlipwayError {
  return new SlipwayError('server-answer-invalid', message, {
    hint: 'Is there a proxy or a captive portal in between?',
  });
}

/** Undefined where it is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

export function flatten(headers: Dispatcher.ResponseData['headers']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
