/**
 * Chooses how large the tables of statistics of alike bytes are. A patch states it, since a decoder has to clear them
 * all.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { SymbolCoder } from './symbol-coder.ts';

/** Statistics per context, as a power of two. */
export const leastTableBits = 10;
export const mostTableBits = 18;

/** What suits a file of that length: small ones need few. @param most that are worth clearing */
export function tableBitsFor(newLength: number, most = mostTableBits): number {
  return Math.min(Math.max(30 - Math.clz32(newLength | 1), leastTableBits), most);
}

/**
 * Codes it, four plain bits.
 * @throws SlipwayError `delta-malformed` when it is more than mostTableBits
 */
export function codeTableBits(coder: SymbolCoder, tableBits: number): number {
  const coded = leastTableBits + coder.plainBits(tableBits - leastTableBits, 4);
  if (coded > mostTableBits) {
    throw new SlipwayError('delta-malformed', `tables of 2^${coded} statistics, expected at most 2^${mostTableBits}`);
  }
  return coded;
}
