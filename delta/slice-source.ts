/** Makes a stretch of a byte source a source of its own. */
import type { ByteSource } from './byte-source.ts';

/** `length` bytes of `source` from `offset` on; callers know that they lie inside it. */
export function sliceSource(source: ByteSource, offset: number, length: number): ByteSource {
  return {
    length,
    readInto(target, at) {
      source.readInto(target, offset + at);
    },
  };
}
