/** Says why a command failed, alike in every program, so that scripts and people read one form. */
import { describeError, SlipwayError } from '../../contract/errors.ts';

export interface CommandFailure {
  /** For people, on standard error. */
  readonly text: string;
  /** What of it is an answer: on standard output where no JSON is asked for; mostly nothing. */
  readonly answer: string;
  /** For programs, on standard output under `--json`. */
  readonly value: object;
}

export function failureOf(error: SlipwayError): CommandFailure {
  return { text: failureText(error), answer: '', value: { error: describeError(error) } };
}

/** The code, the sentence, and what to do next. */
export function failureText({ code, message, hint }: Pick<SlipwayError, 'code' | 'message' | 'hint'>): string {
  return `error ${code}: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`;
}

/** A mistake in the words of a command, as the parser of options (commander) has it. @param program its name */
export function usageError(program: string, { code, message }: { readonly code: string; readonly message: string }) {
  const what = code === 'commander.help' ? 'expected a verb' : message.replace(/^error: /, '');
  return new SlipwayError('usage', what, { hint: `See ${program} --help, or --help after a verb.` });
}
