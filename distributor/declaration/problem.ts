/**
 * Describes what is wrong with declarations: where, why, and what to do. One error carries the problems of all files.
 */
import * as z from 'zod';
import { describeError, type ErrorDescription, SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';

export const planProblemSchema = z.object({
  /** Name of the file as it was given. */
  file: z.string(),
  /** 1-based; 1:1 where the document as a whole is meant. */
  line: z.number(),
  column: z.number(),
  /** Dotted path of the value, empty for the document itself. */
  path: z.string(),
  message: z.string(),
  /** What to write instead, one sentence. */
  fix: z.string(),
});
export type PlanProblem = Readonly<z.infer<typeof planProblemSchema>>;

/** Declarations that cannot be in force; `problems` has at least one entry, in order of file and line. */
export class PlanError extends SlipwayError {
  readonly problems: readonly PlanProblem[];

  /** How many there are in all. */
  readonly total: number;

  /** @param all of them; the first ones are told where there are very many @param total where more are known of */
  constructor(all: readonly PlanProblem[], total = all.length) {
    const problems = all.slice(0, limits.maxProblems);
    const more = total > problems.length ? [`and ${total - problems.length} more problems`] : [];
    super('document-invalid', [...problems.map(problemText), ...more].join('\n'), {
      hint: 'Correct the files at the places named; declarations are in force as a whole or not at all.',
    });
    this.problems = problems;
    this.total = total;
  }
}

/** `file:line:column: path: reason (fix)`: one line, as editors and CI annotations read it. */
export function problemText({ file, line, column, path, message, fix }: PlanProblem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message} (${fix})`;
}

/** An error as programs read it, with the single problems where there are any. */
export function describeWithProblems(error: SlipwayError): ErrorDescription & { problems?: PlanProblem[] } {
  return { ...describeError(error), ...(error instanceof PlanError ? { problems: [...error.problems] } : {}) };
}
