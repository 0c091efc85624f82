/**
 * Takes the bytes of one answer that was found worth taking: behind those that are here, bounded by the signed length
 * and held against the least rate. What turns out not to be the blob leaves nothing behind.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { Blob } from '../../contract/release/manifest.ts';
import type { BlobAnswer, Clock, PartialBlob } from '../ports.ts';
import type { Judgement } from './judge-answer.ts';
import type { RateWatch } from './least-rate.ts';

interface TakingContext {
  readonly clock: Clock;
  readonly rate: RateWatch;
  /** Bytes after which data is made durable. */
  readonly durableStepBytes: number;
  /** Called for each chunk; throws `budget-exceeded` when the attempt has moved too much. */
  readonly onBytes: (count: number) => void;
}

/** What a captive portal shows instead of a blob is smaller. */
const pageBytes = 64 * 1024;

/** Data also becomes durable when this much time has gone by since the last time. */
const durableStepSeconds = 1;

/**
 * @throws SlipwayError `length-mismatch` where there is more than was signed for, `server-answer-invalid` where the
 *   answer ends too early to be a blob, `download-stalled`, codes of the disk and of the connection; what `onBytes`
 *   throws
 */
export async function takeAnswer(
  blob: Blob,
  part: PartialBlob,
  judgement: Extract<Judgement, { kind: 'append' | 'whole' }>,
  answer: BlobAnswer,
  context: TakingContext,
): Promise<void> {
  const before = part.progress;
  const isVague = judgement.kind === 'whole' && !judgement.isLengthKnown;
  const body = watched(answer.body, context);
  const whole = isVague ? substantial(blob, body) : body;
  const news = judgement.kind === 'whole' ? beyond(before.offset, whole, part, context) : whole;
  try {
    await receive(blob, part, news, judgement.etag, context);
  } catch (error) {
    // Endless data: nothing of it can be right.
    if (error instanceof SlipwayError && error.code === 'length-mismatch') part.rewind(before);
    throw error;
  }
  if (isVague && part.received < blob.length) {
    part.rewind(before);
    throw new SlipwayError('server-answer-invalid', `the answer ended before the signed ${blob.length} bytes`);
  }
}

/** The same body; what it brings is held against the least rate. */
async function* watched(body: AsyncIterable<Uint8Array>, { clock, rate }: TakingContext): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    // The bytes count first: a window that ends with them has brought them.
    yield chunk;
    rate.note(chunk.length, clock.monotonicSeconds());
  }
}

/** What of a whole blob is not here yet. */
async function* beyond(
  offset: number,
  body: AsyncIterable<Uint8Array>,
  part: PartialBlob,
  context: TakingContext,
): AsyncGenerator<Uint8Array> {
  let left = offset;
  for await (const chunk of body) {
    const known = Math.min(left, chunk.length);
    left -= known;
    if (known > 0) {
      part.passOver(known);
      context.onBytes(known);
    }
    if (known < chunk.length) yield chunk.subarray(known);
  }
}

/**
 * The same body, once it has shown more than a page has.
 * @throws SlipwayError `server-answer-invalid` where it ends before
 */
async function* substantial(blob: Blob, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const enough = Math.min(blob.length, pageBytes);
  let first: Uint8Array[] | undefined = [];
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.length;
    if (first === undefined) yield chunk;
    else {
      first.push(chunk);
      if (seen < enough) continue;
      yield* first;
      first = undefined;
    }
  }
  if (first === undefined) return;
  throw new SlipwayError('server-answer-invalid', `the answer had ${seen} bytes of ${blob.length}`);
}

async function receive(
  blob: Blob,
  part: PartialBlob,
  body: AsyncIterable<Uint8Array>,
  etag: string | undefined,
  context: TakingContext,
): Promise<void> {
  const { clock, durableStepBytes } = context;
  let syncedAt = clock.monotonicSeconds();
  let isFollowing = false;
  for await (const chunk of body) {
    if (part.received + chunk.length > blob.length) {
      throw new SlipwayError('length-mismatch', `blob ${blob.sha256}: more than the signed ${blob.length} bytes`);
    }
    // The bytes that are here keep their validator until others follow.
    if (!isFollowing) part.follow(etag);
    isFollowing = true;
    part.write(chunk);
    context.onBytes(chunk.length);
    const isDue = part.received - part.progress.offset >= durableStepBytes;
    if (isDue || clock.monotonicSeconds() - syncedAt >= durableStepSeconds) {
      part.sync();
      syncedAt = clock.monotonicSeconds();
    }
  }
}
