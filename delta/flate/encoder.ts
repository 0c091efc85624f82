/**
 * Makes the DEFLATE encoders that a recipe can name, each exact to the byte on every CPU. A recipe's settings say which
 * one and its options. What comes out depends on the bytes written, never on how the writes are cut.
 */
import * as z from 'zod/mini';
import type { Emit } from './bit-writer.ts';
import { createGoDeflate } from './go/deflate.ts';
import { createChromiumDeflate, createGzipDeflate, createPigzDeflate, createZlibDeflate } from './zlib/deflate.ts';

/**
 * - `go`: compress/flate of Go 1.8 and later, as gzip.Writer and zip.Writer drive it, levels 1 to 9, 0 (stored) and -2
 *   (Huffman only); -1 is 6.
 * - `zlib`: deflate of zlib 1.2 and later, raw, windowBits 15, memLevel 8, default strategy.
 * - `pigz`: pigz 2.3 and later over that zlib, blocks of 128 KiB.
 * - `gzip`: the deflate of GNU gzip 1.3 and later, and of Info-ZIP's zip 3.0.
 * - `chromium`: Chromium's zlib as Node has it, and so npm, with the options of `zlib`.
 */
export const deflateSettingsSchema = z.discriminatedUnion('encoder', [
  z.strictObject({ encoder: z.literal('go'), level: z.int().check(z.minimum(-2), z.maximum(9)) }),
  z.strictObject({ encoder: z.literal('zlib'), level: z.int().check(z.minimum(1), z.maximum(9)) }),
  z.strictObject({ encoder: z.literal('pigz'), level: z.int().check(z.minimum(1), z.maximum(9)) }),
  z.strictObject({ encoder: z.literal('gzip'), level: z.int().check(z.minimum(1), z.maximum(9)) }),
  z.strictObject({ encoder: z.literal('chromium'), level: z.int().check(z.minimum(1), z.maximum(9)) }),
]);
export type DeflateSettings = z.infer<typeof deflateSettingsSchema>;

/** One raw DEFLATE stream (RFC 1951) in the making. Emitted views are valid during the call only. */
export interface DeflateEncoder {
  write(bytes: Uint8Array): void;
  /** Ends the stream; nothing may be written after it. */
  finish(): void;
}

const creators: Record<DeflateSettings['encoder'], (level: number, emit: Emit) => DeflateEncoder> = {
  go: createGoDeflate,
  zlib: createZlibDeflate,
  pigz: createPigzDeflate,
  gzip: createGzipDeflate,
  chromium: createChromiumDeflate,
};

export function createDeflateEncoder(settings: DeflateSettings, emit: Emit): DeflateEncoder {
  return creators[settings.encoder](settings.level, emit);
}
