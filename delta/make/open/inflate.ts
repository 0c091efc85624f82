/** Unpacks one compressed stream of unknown length into the spool and tells how many bytes of the range it was. */
import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { constants, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { limits } from '../../../contract/limits.ts';
import type { FileRange } from '../file-source.ts';
import type { Spool } from './spool.ts';

interface Unpacked {
  readonly content: FileRange;
  /** Bytes of the compressed stream. */
  readonly length: number;
}

/** Why a stream gave nothing. */
type NotUnpacked = 'malformed' | 'too-large';

/** The raw DEFLATE stream at the start of the range; malformed also when it is cut off or empty. */
export function inflate(range: FileRange, spool: Spool): Promise<Unpacked | NotUnpacked> {
  return unpack(createInflateRaw(), range, spool);
}

/** The zstd frame that the range is. */
export function unpackZstd(range: FileRange, spool: Spool): Promise<Unpacked | NotUnpacked> {
  const params = { [constants.ZSTD_d_windowLogMax]: limits.maxRecipeZstdWindowLog };
  return unpack(createZstdDecompress({ params }), range, spool);
}

async function unpack(
  decoder: Transform & { readonly bytesWritten: number },
  range: FileRange,
  spool: Spool,
): Promise<Unpacked | NotUnpacked> {
  const stream = spool.begin(range.length * limits.maxExpansion);
  let problem: NotUnpacked | undefined;
  decoder.on('data', (bytes: Uint8Array) => {
    if (problem !== undefined || stream.write(bytes)) return;
    problem = 'too-large';
    decoder.destroy();
  });
  decoder.on('error', () => {
    problem ??= 'malformed';
  });
  const closed = new Promise<void>((resolve) => decoder.once('close', resolve));
  const ended = Promise.race([closed, once(decoder, 'end').catch(() => undefined)]);
  for (const chunk of range.chunks()) {
    if (decoder.readableEnded || decoder.destroyed) break;
    // A decoder that met the end of its stream calls no write back: its end is the answer.
    await Promise.race([new Promise((resolve) => decoder.write(chunk, resolve)), ended]);
  }
  if (!decoder.readableEnded && !decoder.destroyed) decoder.end();
  await ended;
  const length = decoder.bytesWritten;
  decoder.destroy();
  if (problem === undefined && stream.length > 0) return { content: stream.done(), length };
  stream.drop();
  return problem ?? 'malformed';
}
