/** Describes an objection: why a box cannot take a release now, with its figures and what to do about it. */
import type { ErrorCode } from '../../contract/errors.ts';

export interface Objection {
  readonly code: ErrorCode;
  /** What was expected and what was found. */
  readonly message: string;
  /** One sentence. */
  readonly hint: string;
}

/** Worst first, so that a person reads what is to be done about all of them at once. */
export function objectionText([first, ...more]: readonly Objection[]): string {
  if (!first) return '';
  return [`${first.message}. ${first.hint}`, ...more.map(({ code, message }) => `${code}: ${message}.`)].join(' ');
}

/** Those that an operator may know better about. */
export const ignorableObjections = [
  ...(['skew-refused', 'drop-in-refused', 'api-removed', 'box-refused'] as const),
  ...(['other-updater', 'clock-wrong', 'memory-short', 'datastore-not-saved'] as const),
] as const satisfies readonly ErrorCode[];
