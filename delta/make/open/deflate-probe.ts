/**
 * Finds the encoder and level that write a given DEFLATE stream again, by trying them; an answer is a proof, since the
 * whole stream was written and compared with the code that the device runs.
 */
import { createDeflateEncoder, type DeflateSettings } from '../../flate/encoder.ts';
import type { FileRange } from '../file-source.ts';
import { Comparison, Differs } from './compare.ts';

/** By how often they are met: the default, the best, the fastest, then the rest. */
const levels = [6, 9, 1, 5, 7, 8, 4, 3, 2];
const goCandidates: DeflateSettings[] = [...levels, -2, 0].map((level) => ({ encoder: 'go', level }));
const zlibCandidates: DeflateSettings[] = levels.map((level) => ({ encoder: 'zlib', level }));
const pigzCandidates: DeflateSettings[] = levels.map((level) => ({ encoder: 'pigz', level }));
const gzipCandidates: DeflateSettings[] = levels.map((level) => ({ encoder: 'gzip', level }));
const chromiumCandidates: DeflateSettings[] = levels.map((level) => ({ encoder: 'chromium', level }));

/** Remembers what fitted last, since the streams of one artifact were mostly made by one program. */
export class DeflateProbe {
  #recent: readonly DeflateSettings[] = [];

  /** @returns the settings, or undefined when no known encoder writes these bytes */
  find(content: FileRange, compressed: FileRange): DeflateSettings | undefined {
    const found = this.#candidates(compressed).find((settings) => writes(settings, content, compressed));
    if (found !== undefined) this.#recent = [found, ...this.#recent.filter((other) => other !== found)].slice(0, 4);
    return found;
  }

  #candidates(compressed: FileRange): DeflateSettings[] {
    const all = endsLikeGo(compressed)
      ? goCandidates
      : [...zlibCandidates, ...gzipCandidates, ...chromiumCandidates, ...pigzCandidates];
    const recent = this.#recent.filter((known) => all.includes(known));
    return [...recent, ...all.filter((other) => !recent.includes(other))];
  }
}

/** Go ends every stream with an empty stored block; zlib marks the last block with content as the last. */
function endsLikeGo(compressed: FileRange): boolean {
  if (compressed.length < 5) return false;
  return compressed.read(compressed.length - 4, 4).equals(Buffer.from([0, 0, 0xff, 0xff]));
}

function writes(settings: DeflateSettings, content: FileRange, compressed: FileRange): boolean {
  const comparison = new Comparison(compressed);
  const encoder = createDeflateEncoder(settings, (bytes) => comparison.take(bytes));
  try {
    for (const chunk of content.chunks(64 * 1024)) encoder.write(chunk);
    encoder.finish();
  } catch (error) {
    if (error instanceof Differs) return false;
    throw error;
  }
  return comparison.complete;
}
