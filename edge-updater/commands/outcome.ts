/** Tells the end of an attempt: as text, and as an exit status where it did not end in the new release. */
import { isErrorCode, SlipwayError } from '../../contract/errors.ts';
import { printable } from '../../system/command-line/printable.ts';
import type { FinishedAttempt } from '../update/state.ts';

export function describeAttempt(attempt: FinishedAttempt): string {
  const { version, outcome, code, message, transfer } = attempt;
  const why = [code, message].filter((part) => part !== undefined).join(': ');
  const moved = `${transfer.bytesOnWire} bytes on the wire, full download ${transfer.fullBytes}, resumed from ${transfer.resumedFrom}`;
  return `${version}: ${outcome}${why ? ` (${printable(why)})` : ''}\n${moved}`;
}

/** @throws SlipwayError with the code of the attempt, unless it was committed */
export function requireCommitted(attempt: FinishedAttempt): void {
  if (attempt.outcome === 'committed') return;
  const message = `${attempt.version} ended ${attempt.outcome}${attempt.message ? `: ${attempt.message}` : ''}`;
  const { code = '' } = attempt;
  throw new SlipwayError(isErrorCode(code) ? code : 'internal', message, {
    hint: 'The device is on the release it had before.',
  });
}
