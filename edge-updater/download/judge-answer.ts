/**
 * Decides whether the answer to a request for a blob may be written, and where. The rule: go on only on a 206 with the
 * range that was asked for and the same strong validator, or in a whole blob behind the bytes that are here; everything
 * else is asked for anew or refused. No answer takes away bytes that are here: the digest of the whole has the last
 * word.
 */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { retryAfterSeconds } from '../update/retry.ts';

interface AskedRange {
  readonly digest: Digest;
  /** Signed length of the blob. */
  readonly length: number;
  /** 0 where no range was asked for. */
  readonly offset: number;
  readonly etag: string | undefined;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export type Judgement =
  /** The body follows the bytes that are here. */
  | { readonly kind: 'append'; readonly etag: string }
  /** The body is the whole blob, if it has the signed length: `isLengthKnown` says whether the answer promises that. */
  | { readonly kind: 'whole'; readonly etag: string | undefined; readonly isLengthKnown: boolean }
  /** The server gives no rest that belongs to what is here: ask for the whole. */
  | { readonly kind: 'ask-whole' }
  /** Ask again later. */
  | { readonly kind: 'retry'; readonly error: SlipwayError; readonly afterSeconds: number | undefined }
  | { readonly kind: 'refuse'; readonly error: SlipwayError };

const passingStatuses = [408, 425, 429];

/** @param now milliseconds since 1970, for a Retry-After date */
export function judgeAnswer(asked: AskedRange, { status, headers }: Answered, now: number): Judgement {
  const what = `blob ${asked.digest.slice(0, 12)}`;
  if (status === 200 || status === 206) {
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      return retry(`${what}: content-encoding ${encoding} was not asked for`);
    }
  }
  if (status === 200) return judgeWhole(asked, headers, what);
  if (status === 206) return judgePart(asked, headers, what);
  if (status === 416) return asked.offset > 0 ? { kind: 'ask-whole' } : retry(`${what}: 416 without a range`);
  const answered = `${what}: the server answered ${status}`;
  if (status >= 500 || passingStatuses.includes(status)) {
    const error = new SlipwayError('server-unreachable', answered);
    return {
      kind: 'retry',
      error,
      afterSeconds: retryAfterSeconds(headers['retry-after'], now, limits.maxRetryAfterSeconds),
    };
  }
  if (status === 404) {
    const hint = 'Publish the release again: a blob that its manifest names is not in the store.';
    return { kind: 'refuse', error: new SlipwayError('blob-missing', answered, { hint }) };
  }
  if (status === 407) return { kind: 'refuse', error: new SlipwayError('proxy-refused', answered) };
  if (status >= 400) return { kind: 'refuse', error: new SlipwayError('server-refused', answered) };
  return retry(answered);
}

function judgeWhole(asked: AskedRange, headers: Answered['headers'], what: string): Judgement {
  const length = headers['content-length'];
  // A captive portal's page, an endless body: neither has the signed length.
  if (length !== undefined && Number(length) !== asked.length) {
    return retry(`${what}: content-length ${length}, the signed length is ${asked.length}`);
  }
  const type = headers['content-type'] ?? '';
  if (length === undefined && /^\s*(text\/|application\/xhtml)/i.test(type)) {
    return retry(`${what}: a page of ${type} without a length`);
  }
  return { kind: 'whole', etag: strong(headers.etag), isLengthKnown: length !== undefined };
}

function judgePart(asked: AskedRange, headers: Answered['headers'], what: string): Judgement {
  if (asked.offset === 0) return retry(`${what}: 206 without a range`);
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
  const [start, end, total] = range ? range.slice(1).map(Number) : [];
  const isAsked = start === asked.offset && end === asked.length - 1 && total === asked.length;
  const etag = strong(headers.etag);
  if (!isAsked || etag === undefined || etag !== asked.etag) return { kind: 'ask-whole' };
  return { kind: 'append', etag };
}

/** Weak validators do not promise the same bytes (RFC 9110 8.8.1). */
function strong(etag: string | undefined): string | undefined {
  return etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag) ? etag : undefined;
}

function retry(message: string): Judgement {
  return { kind: 'retry', error: new SlipwayError('server-answer-invalid', message), afterSeconds: undefined };
}
