/** Describes a plan that came into force: what it says, where it came from, who wrote it and what it changed. */
import * as z from 'zod';
import type { Digest } from '../../contract/digest.ts';
import type { Plan } from '../declaration/plan.ts';
import { planProblemSchema } from '../declaration/problem.ts';
import { describeDiff, type PlanDiff } from './diff.ts';

/** Plain JSON data. */
export interface AppliedPlan {
  readonly plan: Plan;
  /** Digest of all names and texts. */
  readonly contentSha256: Digest;
  /** A commit id, or `sha256:` and contentSha256 where there are no commits. */
  readonly revision: string;
  readonly author: string;
  /** First line of what the author said about it; may be empty. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly appliedAt: number;
  readonly diff: PlanDiff;
}

/** Without what it says, which is not kept for ever. */
export type AppliedSummary = Omit<AppliedPlan, 'plan'>;

const fieldSchema = z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() });

export const planChangeSchema = z.object({
  action: z.enum(['added', 'removed', 'changed']),
  kind: z.enum(['Fleet', 'Group', 'Rollout']),
  name: z.string(),
  fields: z.array(fieldSchema).optional(),
});

/** As the API answers it and the command line prints it. */
export const appliedPlanViewSchema = z.object({
  revision: z.string(),
  author: z.string(),
  subject: z.string(),
  appliedAt: z.iso.datetime(),
  diff: z.array(planChangeSchema),
  /** The diff for people. */
  changes: z.string(),
});
/** The answer to a plan that was sent. */
export const planAnswerSchema = appliedPlanViewSchema.extend({ dryRun: z.boolean() });

/** Why a revision is not in force. */
export const planProblemViewSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  problems: z.array(planProblemSchema).optional(),
  revision: z.string().optional(),
  author: z.string().optional(),
  subject: z.string().optional(),
});

type AppliedPlanView = z.infer<typeof appliedPlanViewSchema>;

export function appliedPlanViewOf({ revision, author, subject, appliedAt, diff }: AppliedSummary): AppliedPlanView {
  return {
    revision,
    author,
    subject,
    appliedAt: new Date(appliedAt).toISOString(),
    diff: diff.map((change) => ('fields' in change ? { ...change, fields: [...change.fields] } : { ...change })),
    changes: describeDiff(diff),
  };
}
