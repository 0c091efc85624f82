/**
 * Declares what reconciling needs from outside: a place that declarations come from, and who is told what is in force.
 */
import type { SlipwayError } from '../../contract/errors.ts';
import type { Plan, SourceFile } from '../declaration/plan.ts';
import type { AppliedPlan, AppliedSummary } from './applied-plan.ts';

/** How a revision stands to the one that was applied last. */
export type Ancestry =
  /** It is the same. */
  | 'same'
  /** It builds on it, or the place keeps no history that could be rewritten. */
  | 'builds-on'
  /** It does not build on it: history was rewritten, or this is another repository. */
  | 'rewritten';

/** The declarations as they are now at their place, all files together. */
export interface SourceSnapshot {
  /** A commit id, or `sha256:` and the digest of all names and contents where there are no commits. */
  readonly revision: string;
  readonly author: string;
  /** First line of what the author said about it; may be empty. */
  readonly subject: string;
  /** Milliseconds since 1970, by the author's clock; undefined where nobody says. */
  readonly committedAt: number | undefined;
  readonly ancestry: Ancestry;
  /**
   * Reads the files; several calls give the same.
   * @throws SlipwayError `document-unreadable`, `document-invalid`, `git-path-missing`, `renderer-missing`, …: what is
   *   wrong with this revision
   */
  files(): Promise<readonly SourceFile[]>;
}

export interface DeclarationSource {
  /** For logs and messages, without credentials. */
  readonly location: string;
  /** Reading may wait for a network; a start does not wait for that when it has a plan already. */
  readonly isRemote: boolean;
  /**
   * @param applied revision that is in force, undefined when none is
   * @throws SlipwayError with the reason why the place cannot be read now: `git-unreachable`, `document-unreadable`, …
   */
  read(applied: string | undefined): Promise<SourceSnapshot>;
  /** Calls back some time after a change; may call back without one. Ends when the returned function is called. */
  watch(onChange: () => void): () => void;
}

/**
 * Reads declarations as one plan, beside everything else that goes on.
 * @throws SlipwayError `document-invalid` with the problems, `document-too-complex`
 */
export type PlanReader = (files: readonly SourceFile[]) => Promise<Plan>;

/** Where it is kept what is in force and how it came to that. A lost database is `database-unavailable`. */
export interface PlanStore {
  /** The plan applied last, so that a start needs no source; undefined before the first. */
  loadPlan(): Promise<AppliedPlan | undefined>;
  /** Keeps the plan with its author and diff, and the event of it in the audit log, in one transaction. */
  savePlan(applied: AppliedPlan): Promise<void>;
  /** Newest first. */
  listAppliedPlans(limit: number): Promise<readonly AppliedSummary[]>;
  /** The event `plan-refused` in the audit log. */
  recordRefusal(refused: RefusedRevision, at: number): Promise<void>;
  /** Runs work on the one replica that leads; undefined on the others. */
  asLeader<T>(work: () => Promise<T>): Promise<T | undefined>;
}

export interface RefusedRevision {
  readonly problem: SlipwayError;
  readonly revision?: string;
  readonly author?: string;
  readonly subject?: string;
}

/** What campaigns and routes see of reconciling. */
export interface PlanInForce {
  readonly plan: Plan;
  /** Why the declarations as they are now are not in force; undefined when they are. */
  readonly problem: SlipwayError | undefined;
  /** Calls back after another plan came into force. Ends when the returned function is called. */
  onChange(listener: (plan: Plan) => void): () => void;
}
