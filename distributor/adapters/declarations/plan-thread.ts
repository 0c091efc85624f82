/**
 * Runs in the thread that reads declarations: it parses what it is given, and one message has the plan as JSON or why
 * there is none. See plan-reader.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { describeError, type ErrorDescription, toSlipwayError } from '../../../contract/errors.ts';
import { parsePlan, type SourceFile } from '../../declaration/plan.ts';
import { PlanError, type PlanProblem } from '../../declaration/problem.ts';

export type ReadAnswer =
  | { readonly kind: 'plan'; readonly json: string }
  | { readonly kind: 'problems'; readonly problems: readonly PlanProblem[]; readonly total: number }
  | { readonly kind: 'failure'; readonly description: ErrorDescription };

function answerTo(files: readonly SourceFile[]): ReadAnswer {
  try {
    return { kind: 'plan', json: JSON.stringify(parsePlan(files)) };
  } catch (error) {
    if (error instanceof PlanError) return { kind: 'problems', problems: error.problems, total: error.total };
    return { kind: 'failure', description: describeError(toSlipwayError(error)) };
  }
}

parentPort?.postMessage(answerTo(workerData as readonly SourceFile[]));
