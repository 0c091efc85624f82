/** Reads SOURCE_DATE_EPOCH, the time that signatures are made at (https://reproducible-builds.org/specs/source-date-epoch/). */
import { SlipwayError } from '../contract/errors.ts';

/** @param epoch seconds since 1970; the clock where there are none */
export function signingTime(epoch: string | undefined): Date {
  if (epoch === undefined || epoch === '') return new Date();
  if (/^\d{1,11}$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw new SlipwayError('usage', 'SOURCE_DATE_EPOCH: expected a whole number of seconds since 1970');
}
