/**
 * The DEFLATE encoders that a recipe can name, each exact to the byte on every CPU. A recipe's settings say which one
 * and its options; what comes out depends on the bytes written, never on how the writes are cut.
 */
import { z } from 'zod';
import type { Emit } from './bit-writer.ts';
import { createGoDeflate } from './go/deflate.ts';

/**
 * `go`: compress/flate of Go 1.8 and later, as gzip.Writer and zip.Writer drive it, levels 1 to 9, 0 (stored) and -2
 * (Huffman only); -1 is 6.
 */
export const deflateSettingsSchema = z.discriminatedUnion('encoder', [
  z.strictObject({ encoder: z.literal('go'), level: z.int().min(-2).max(9) }),
]);
export type DeflateSettings = z.infer<typeof deflateSettingsSchema>;

/** One raw DEFLATE stream (RFC 1951) in the making. Emitted views are valid during the call only. */
export interface DeflateEncoder {
  write(bytes: Uint8Array): void;
  /** Ends the stream; nothing may be written after it. */
  finish(): void;
}

export function createDeflateEncoder(settings: DeflateSettings, emit: Emit): DeflateEncoder {
  return createGoDeflate(settings.level, emit);
}
