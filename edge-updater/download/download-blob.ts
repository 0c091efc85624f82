/**
 * Brings one blob to the disk through connection loss, restarts of both ends and servers that misbehave. Owns the order
 * of asking, writing, waiting and giving up; what an answer is worth is judge-answer's.
 */
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { Blob } from '../../contract/release/manifest.ts';
import type { BlobSource, Clock, PartFile } from '../ports.ts';
import { type Backoff, retryDelaySeconds } from '../update/retry.ts';
import { judgeAnswer } from './judge-answer.ts';

export interface DownloadPolicy {
  readonly backoff: Backoff;
  readonly maxAttemptsWithoutProgress: number;
  /** Bytes after which data is made durable. */
  readonly durableStepBytes: number;
}

export interface DownloadContext {
  readonly source: BlobSource;
  readonly clock: Clock;
  readonly policy: DownloadPolicy;
  readonly signal: AbortSignal;
  /** Called for each chunk; throws `budget-exceeded` when the attempt has moved too much. */
  readonly onBytes: (count: number) => void;
  /** Called before bytes are appended to durable ones. */
  readonly onResume: () => void;
}

/** What a captive portal shows instead of a blob is smaller. */
const pageBytes = 64 * 1024;

/** Data also becomes durable when this much time has gone by since the last time. */
const durableStepSeconds = 1;

/**
 * Ends when all bytes are durable and have the blob's digest.
 * @throws SlipwayError `download-no-progress`, `tls-failed`, `blob-missing`, `server-refused`, `proxy-refused`,
 *   `length-mismatch`, `digest-mismatch`, codes of the disk; what `onBytes` throws
 */
export async function downloadBlob(blob: Blob, part: PartFile, context: DownloadContext): Promise<void> {
  const { clock, policy, signal } = context;
  /** Most bytes that were ever durable: starting over is no progress until it is past them. */
  let best = part.progress.offset;
  let failures = 0;
  for (;;) {
    if (part.progress.offset === blob.length && (await isWhole(blob, part))) return;
    const outcome = await tryOnce(blob, part, context);
    signal.throwIfAborted();
    if (part.progress.offset > best) {
      best = part.progress.offset;
      failures = 0;
    }
    if (outcome === undefined) continue;
    failures++;
    if (failures >= policy.maxAttemptsWithoutProgress) {
      // Waiting longer does not make a certificate fit.
      const code = outcome.error.code === 'tls-failed' ? 'tls-failed' : 'download-no-progress';
      throw new SlipwayError(
        code,
        `${failures} attempts without a new byte at ${part.progress.offset} of ${blob.length}: ${outcome.error.message}`,
        { cause: outcome.error, hint: 'The bytes that are here are kept for the next poll.' },
      );
    }
    const wait = outcome.afterSeconds ?? retryDelaySeconds(policy.backoff, failures, clock.random());
    await clock.sleep(wait, signal);
  }
}

interface Setback {
  readonly error: SlipwayError;
  readonly afterSeconds: number | undefined;
}

/** One request. Undefined where the next one may follow at once. */
async function tryOnce(blob: Blob, part: PartFile, context: DownloadContext): Promise<Setback | undefined> {
  // Without a validator nobody can say that what is here belongs to what comes.
  if (part.progress.offset > 0 && part.progress.etag === undefined) part.restart('changed');
  const { offset, etag } = part.progress;
  const asked = { digest: blob.sha256, length: blob.length, offset, etag };
  let refused: SlipwayError | undefined;
  try {
    const answer = await context.source.openBlob(blob.sha256, { offset, etag }, context.signal);
    let isTaken = false;
    let { body } = answer;
    try {
      const judgement = judgeAnswer(asked, answer, context.clock.now());
      switch (judgement.kind) {
        case 'append':
          context.onResume();
          part.follow(judgement.etag);
          break;
        case 'whole':
          isTaken = true;
          // What is durable is given up for the whole blob, not for a page.
          if (offset > 0 && !judgement.isLengthKnown) body = await substantial(blob, answer.body);
          if (offset > 0) part.restart('changed');
          part.follow(judgement.etag);
          break;
        case 'start-over':
          part.restart('changed');
          return {
            error: new SlipwayError('server-answer-invalid', 'the rest is not of the same blob'),
            afterSeconds: 0,
          };
        case 'retry':
          return judgement;
        case 'refuse':
          refused = judgement.error;
          throw refused;
        default:
          throw judgement satisfies never;
      }
      isTaken = true;
      await receive(blob, part, body, context);
    } finally {
      if (!isTaken) answer.discard();
    }
  } catch (thrown) {
    context.signal.throwIfAborted();
    const error = toSlipwayError(thrown);
    if (error === refused || error.fault !== 'path' || !error.retryable) throw error;
    return { error, afterSeconds: undefined };
  } finally {
    // Also on a kill by signal and a lost connection: what arrived is not asked for again.
    part.sync();
  }
  if (part.progress.offset === blob.length) return undefined;
  const message = `the connection ended at ${part.progress.offset} of ${blob.length}`;
  return { error: new SlipwayError('server-unreachable', message), afterSeconds: undefined };
}

/**
 * The same body, once it has shown more than a page has.
 * @throws SlipwayError `server-answer-invalid` where it ends before
 */
async function substantial(blob: Blob, body: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const enough = Math.min(blob.length, pageBytes);
  const iterator = body[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let seen = 0; seen < enough; ) {
    const { value, done } = await iterator.next();
    if (done) throw new SlipwayError('server-answer-invalid', `the answer had ${seen} bytes of ${blob.length}`);
    first.push(value);
    seen += value.length;
  }
  return (async function* () {
    yield* first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
}

async function receive(
  blob: Blob,
  part: PartFile,
  body: AsyncIterable<Uint8Array>,
  context: DownloadContext,
): Promise<void> {
  const { clock, policy } = context;
  let syncedAt = clock.monotonicSeconds();
  for await (const chunk of body) {
    // More than was signed for (endless data): nothing of it can be right.
    if (part.received + chunk.length > blob.length) {
      part.restart('changed');
      throw new SlipwayError('length-mismatch', `blob ${blob.sha256}: more than the signed ${blob.length} bytes`);
    }
    part.write(chunk);
    context.onBytes(chunk.length);
    const isDue = part.received - part.progress.offset >= policy.durableStepBytes;
    if (isDue || clock.monotonicSeconds() - syncedAt >= durableStepSeconds) {
      part.sync();
      syncedAt = clock.monotonicSeconds();
    }
  }
}

/** A pieced file may be a mix of two; it gets one chance from zero. A file from one answer is what the server has. */
async function isWhole(blob: Blob, part: PartFile): Promise<boolean> {
  const found = await part.digest();
  if (found === blob.sha256) return true;
  const { isPieced, isRestarted } = part.progress;
  part.restart('digest-mismatch');
  if (isPieced && !isRestarted) return false;
  throw new SlipwayError('digest-mismatch', `blob: expected sha256 ${blob.sha256}, found ${found}`, {
    hint: 'The store or something on the way serves other bytes than were published; run slipway-packager verify on it.',
  });
}
