/** Declares `--reason`, by which a person says why they do something. */
import { SlipwayError } from '../../../contract/errors.ts';
import { reasonSchema } from '../../http/because.ts';

/** @throws SlipwayError `usage` */
export function parseReason(text: string): string {
  if (reasonSchema.safeParse(text).success) return text;
  throw new SlipwayError('usage', 'expected the reason as one line of 500 characters at most');
}
