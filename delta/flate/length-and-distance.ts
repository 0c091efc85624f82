/**
 * Holds the alphabets of RFC 1951 3.2.5 as tables: lengths 3 to 258 and distances 1 to 32768 to their codes, extra bits
 * and bases. Both encoders read them.
 */

export const literalCodes = 286;
export const distanceCodes = 30;
export const endOfBlock = 256;
export const firstLengthCode = 257;
export const maxMatch = 258;

/** Extra bits of length code 257 + i. */
export const lengthExtraBits = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
);
/** Smallest length, less 3, of length code 257 + i. */
export const lengthBase = new Uint16Array(29);
/** Length less 3 (0 to 255) to the index of its code (0 to 28). */
export const lengthCode = new Uint8Array(256);

/** Extra bits of distance code i. */
export const distanceExtraBits = Uint8Array.of(
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
);
/** Smallest distance, less 1, of distance code i. */
export const distanceBase = new Uint16Array(distanceCodes);
const distanceCodeTable = new Uint8Array(512);

/** The order in which the lengths of the code length code are sent (RFC 1951 3.2.7). */
export const codeLengthOrder = Uint8Array.of(...[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** Code of a distance less 1 (0 to 32767). */
export function distanceCode(distance: number): number {
  return (distance < 256 ? distanceCodeTable[distance] : distanceCodeTable[256 + (distance >>> 7)]) as number;
}

/** The `length` low bits of `code` in reverse: Huffman codes are sent most significant bit first. */
export function reverseBits(code: number, length: number): number {
  let reversed = 0;
  for (let bit = 0; bit < length; bit++) reversed |= ((code >>> bit) & 1) << (length - 1 - bit);
  return reversed;
}

function fillTables(): void {
  let base = 0;
  for (let code = 0; code < 28; code++) {
    lengthBase[code] = base;
    const span = 1 << (lengthExtraBits[code] as number);
    lengthCode.fill(code, base, base + span);
    base += span;
  }
  // Length 258 has a code of its own although code 284 could reach it.
  lengthBase[28] = 255;
  lengthCode[255] = 28;

  let distance = 0;
  for (let code = 0; code < distanceCodes; code++) {
    distanceBase[code] = distance;
    const span = 1 << (distanceExtraBits[code] as number);
    if (distance < 256) distanceCodeTable.fill(code, distance, Math.min(256, distance + span));
    else distanceCodeTable.fill(code, 256 + (distance >>> 7), 256 + ((distance + span) >>> 7));
    distance += span;
  }
}
fillTables();
