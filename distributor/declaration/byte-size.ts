/** Parses amounts of bytes as people write them: `500`, `800MB` (powers of ten), `10GiB` (powers of two). */
import * as z from 'zod';

const unitBytes: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const byteSizePattern = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$/;

/** Text of a size, or a plain number, to whole bytes; above 0. */
export const byteSizeSchema = z
  .union([
    z.number().int(),
    z.string().regex(byteSizePattern, 'expected a size such as 500MB or 10GiB').transform(byteSizeBytes),
  ])
  .refine((bytes) => bytes > 0 && bytes <= Number.MAX_SAFE_INTEGER, 'expected a size above 0, below 8 PiB');

/** Whole bytes of a text that matches the pattern above; NaN of any other. */
function byteSizeBytes(text: string): number {
  const found = byteSizePattern.exec(text);
  if (!found) return Number.NaN;
  return Math.floor(Number(found[1]) * (unitBytes[found[2] ?? ''] ?? Number.NaN));
}
