/** Counts the bytes of a source on their way into a store, and holds them to the length that was said of them. */
import { SlipwayError } from '../../contract/errors.ts';
import type { RepeatableBytes } from './writer.ts';

/** @throws SlipwayError `length-mismatch` instead of an end, so that no store shows the object */
export async function* countedSource(
  source: RepeatableBytes,
  key: string,
  onBytes: (count: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of source.open() as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    onBytes(chunk.length);
    yield chunk;
  }
  if (total !== source.length) {
    throw new SlipwayError('length-mismatch', `${key}: expected ${source.length} bytes, read ${total}`);
  }
}
