/** What is wrong with declarations: where, why, and what to do. One error carries the problems of all files. */
import type { DocumentProblem } from '../../contract/document.ts';
import { SlipwayError } from '../../contract/errors.ts';

export interface PlanProblem extends DocumentProblem {
  /** Name of the file as it was given. */
  readonly file: string;
  /** What to write instead, one sentence. */
  readonly fix: string;
}

/** Declarations that cannot be in force; `problems` has at least one entry, in order of file and line. */
export class PlanError extends SlipwayError {
  readonly problems: readonly PlanProblem[];

  constructor(problems: readonly PlanProblem[]) {
    super('document-invalid', problems.map(problemText).join('\n'), {
      hint: 'Correct the files at the places named; declarations are in force as a whole or not at all.',
    });
    this.problems = problems;
  }
}

/** `file:line:column: path: reason Fix.`: one line, as editors and CI annotations read it. */
export function problemText({ file, line, column, path, message, fix }: PlanProblem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}. ${fix}`;
}
