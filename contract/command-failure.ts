/** What the three programs print when a command fails: alike, so that scripts and people read one form. */
import { SlipwayError } from './errors.ts';

/** For people, on standard error: the code, the sentence, and what to do next. */
export function failureText({ code, message, hint }: Pick<SlipwayError, 'code' | 'message' | 'hint'>): string {
  return `error ${code}: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`;
}

/** A mistake in the words of a command, as the parser of options (commander) has it. @param program its name */
export function usageError(program: string, { code, message }: { readonly code: string; readonly message: string }) {
  const what = code === 'commander.help' ? 'expected a verb' : message.replace(/^error: /, '');
  return new SlipwayError('usage', what, { hint: `See ${program} --help, or --help after a verb.` });
}
