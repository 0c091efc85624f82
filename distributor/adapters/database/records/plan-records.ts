/** Keeps plans that came into force, in the fleet database. */
import type { Kysely, Selectable } from 'kysely';
import type { Digest } from '../../../../contract/digest.ts';
import type { Plan } from '../../../declaration/plan.ts';
import { planApplied, planKinds, planRefused } from '../../../events/audit.ts';
import type { AppliedPlan, AppliedSummary } from '../../../reconcile/applied-plan.ts';
import type { PlanDiff } from '../../../reconcile/diff.ts';
import type { RefusedRevision } from '../../../reconcile/ports.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, firstOf, rowsOf } from '../step.ts';
import type { EventRecords } from './event-records.ts';

const summaryColumns = ['content_sha256', 'revision', 'author', 'subject', 'applied_at', 'diff'] as const;

export type PlanRecords = ReturnType<typeof planRecords>;

/** Steps of PlanStore; those that append an event are run under the lock of events. */
export function planRecords(db: Kysely<FleetTables>, events: EventRecords) {
  return {
    *load(): DatabaseStep<AppliedPlan | undefined> {
      const row = yield* firstOf(db.selectFrom('applied_plan').selectAll().orderBy('id', 'desc').limit(1));
      return row && { ...summaryOf(row), plan: JSON.parse(row.plan) as Plan };
    },
    *save(applied: AppliedPlan): DatabaseStep<void> {
      const { plan, contentSha256, revision, author, subject, appliedAt, diff } = applied;
      const row = { content_sha256: contentSha256, revision, author, subject, applied_at: appliedAt };
      const texts = { diff: JSON.stringify(diff), plan: JSON.stringify(plan) };
      yield* affectedBy(db.insertInto('applied_plan').values({ ...row, ...texts }));
      yield* events.append(planApplied(applied));
      yield* events.move(contentSha256);
    },
    *list(limit: number): DatabaseStep<AppliedSummary[]> {
      const query = db.selectFrom('applied_plan').select(summaryColumns).orderBy('id', 'desc').limit(limit);
      return (yield* rowsOf(query)).map(summaryOf);
    },
    *refuse(refused: RefusedRevision, at: number): DatabaseStep<void> {
      const event = planRefused(refused, yield* events.lastOf(planKinds), at);
      if (event) yield* events.append(event);
    },
  };
}

function summaryOf(
  row: Pick<Selectable<FleetTables['applied_plan']>, (typeof summaryColumns)[number]>,
): AppliedSummary {
  return {
    contentSha256: row.content_sha256 as Digest,
    revision: row.revision,
    author: row.author,
    subject: row.subject,
    appliedAt: row.applied_at,
    diff: JSON.parse(row.diff) as PlanDiff,
  };
}
