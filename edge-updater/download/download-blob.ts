/**
 * Brings one blob to the disk through connection loss, restarts of both ends and servers that misbehave. Owns the order
 * of asking, writing, waiting and giving up; what an answer is worth is judge-answer's. Durable bytes are given up for
 * one reason: the whole blob has another digest.
 */
import { type ErrorCode, SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { Blob } from '../../contract/release/manifest.ts';
import type { BlobSource, Clock, Heartbeat, PartialBlob } from '../ports.ts';
import { type Backoff, retryDelaySeconds } from '../update/retry.ts';
import { judgeAnswer } from './judge-answer.ts';
import { type LeastRate, RateWatch } from './least-rate.ts';
import { takeAnswer } from './take-answer.ts';

export interface DownloadPolicy {
  readonly backoff: Backoff;
  readonly maxAttemptsWithoutProgress: number;
  /** Bytes after which data is made durable. */
  readonly durableStepBytes: number;
  readonly leastRate: LeastRate;
}

interface DownloadContext {
  readonly source: BlobSource;
  readonly clock: Clock;
  readonly policy: DownloadPolicy;
  readonly signal: AbortSignal;
  readonly heartbeat?: Heartbeat;
  /** Called for each chunk; throws `budget-exceeded` when the attempt has moved too much. */
  readonly onBytes: (count: number) => void;
  /** Called before bytes are appended to durable ones. */
  readonly onResume: () => void;
}

/** Waiting longer does not mend these: they are told as they are. */
const lastingCodes: readonly ErrorCode[] = ['tls-failed', 'proxy-refused'];

/**
 * Ends when all bytes are durable and have the blob's digest.
 * @throws SlipwayError `download-no-progress`, `tls-failed`, `blob-missing`, `server-refused`, `proxy-refused`,
 *   `length-mismatch`, `digest-mismatch`, codes of the disk; what `onBytes` throws
 */
export async function downloadBlob(blob: Blob, part: PartialBlob, context: DownloadContext): Promise<void> {
  const { clock, policy, signal } = context;
  /** Most bytes that were ever durable: starting over is no progress until it is past them. */
  let best = part.progress.offset;
  let failures = 0;
  const trip: Trip = { isWholeWanted: false, rate: new RateWatch(policy.leastRate) };
  for (;;) {
    if (part.progress.offset === blob.length && (await isWhole(blob, part))) return;
    const outcome = await tryOnce(blob, part, trip, context);
    signal.throwIfAborted();
    if (part.progress.offset > best) {
      best = part.progress.offset;
      failures = 0;
    }
    if (outcome === undefined) continue;
    failures++;
    const { error } = outcome;
    // A trickle is progress, and still nothing to wait for.
    const vain = Math.max(failures, trip.rate.slowWindows);
    if (vain >= policy.maxAttemptsWithoutProgress) {
      const code = lastingCodes.includes(error.code) ? error.code : 'download-no-progress';
      const what = trip.rate.slowWindows > failures ? 'with too few bytes' : 'without a new byte';
      throw new SlipwayError(
        code,
        `${vain} attempts ${what} at ${part.progress.offset} of ${blob.length}: ${error.message}`,
        {
          cause: error,
          hint: (code === error.code ? error.hint : undefined) ?? 'The bytes that are here are kept for the next poll.',
        },
      );
    }
    const wait = outcome.afterSeconds ?? retryDelaySeconds(policy.backoff, failures, clock.random());
    await rest(wait, context);
  }
}

/** A server may send a device away from a blob for long; it hears from the device meanwhile. */
async function rest(seconds: number, { clock, signal, heartbeat }: DownloadContext): Promise<void> {
  const end = clock.monotonicSeconds() + seconds;
  let left = seconds;
  do {
    heartbeat?.beat(signal);
    await clock.sleep(heartbeat ? Math.min(left, Math.max(1, heartbeat.secondsUntilDue)) : left, signal);
    left = end - clock.monotonicSeconds();
  } while (left > 0.001);
}

/** What one request leaves to the next. */
interface Trip {
  /** The server gives no rest of a blob that fits what is here. */
  isWholeWanted: boolean;
  readonly rate: RateWatch;
}

interface Setback {
  readonly error: SlipwayError;
  readonly afterSeconds: number | undefined;
}

/** One request. Undefined where the next one may follow at once. */
async function tryOnce(
  blob: Blob,
  part: PartialBlob,
  trip: Trip,
  context: DownloadContext,
): Promise<Setback | undefined> {
  const { offset, etag } = part.progress;
  // Without a validator nobody can say that a rest belongs to what is here: then the whole comes again.
  const isForRest = offset > 0 && etag !== undefined && !trip.isWholeWanted;
  const from = isForRest ? { offset, etag } : { offset: 0, etag: undefined };
  trip.isWholeWanted = false;
  trip.rate.begin(context.clock.monotonicSeconds());
  let refused: SlipwayError | undefined;
  try {
    const answer = await context.source.openBlob(blob.sha256, from, context.signal);
    let isTaken = false;
    try {
      const judgement = judgeAnswer({ digest: blob.sha256, length: blob.length, ...from }, answer, context.clock.now());
      switch (judgement.kind) {
        case 'append':
        case 'whole':
          isTaken = true;
          if (judgement.kind === 'append') context.onResume();
          await takeAnswer(blob, part, judgement, answer, { ...context, ...context.policy, rate: trip.rate });
          break;
        case 'ask-whole':
          trip.isWholeWanted = true;
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

/** A pieced file may be a mix of two; it gets one chance from zero. A file from one answer is what the server has. */
async function isWhole(blob: Blob, part: PartialBlob): Promise<boolean> {
  const found = await part.digest();
  if (found === blob.sha256) return true;
  const { isPieced, isRestarted } = part.progress;
  part.restart();
  if (isPieced && !isRestarted) return false;
  throw new SlipwayError('digest-mismatch', `blob: expected sha256 ${blob.sha256}, found ${found}`, {
    hint: 'The store or something on the way serves other bytes than were published; run slipway-packager verify on it.',
  });
}
