/** Removes what the fleet database lets go of, in pieces that hold nobody up. */
import type { Kysely } from 'kysely';
import type { Retention } from '../../../fleet/ports.ts';
import { slotOf } from '../../../rollout/spending-slot.ts';
import type { FleetDatabase } from '../fleet-database.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, firstOf, rowsOf } from '../step.ts';
import { type EventRecords, eventsLock } from './event-records.ts';
import type { PlanRecords } from './plan-records.ts';

const piece = 2000;
const dayMs = 86_400_000;
/** Longer than any budget's period. */
const spendingDays = 400;

type RetentionRecords = ReturnType<typeof retentionRecords>;

export function retentionRecords(db: Kysely<FleetTables>, events: EventRecords, plans: PlanRecords) {
  const finished = ['completed', 'aborted'];
  return {
    /** Of the plans that are not among the newest ones the text goes, and the record of those applied before goes. */
    *plans(kept: number, before: number): DatabaseStep<number> {
      const newest = db.selectFrom('applied_plan').select('id').orderBy('id', 'desc').limit(1);
      const last = yield* firstOf(newest.offset(Math.max(kept, 1) - 1));
      if (!last) return 0;
      yield* affectedBy(db.deleteFrom('applied_plan').where('id', '<', last.id).where('applied_at', '<', before));
      const emptying = db.updateTable('applied_plan').set({ plan: '' });
      return yield* affectedBy(emptying.where('id', '<', last.id).where('plan', '<>', ''));
    },
    /** Campaigns that ended before, and are not the newest of a rollout in force. */
    *finishedCampaigns(before: number): DatabaseStep<number[]> {
      const rollouts = (yield* plans.load())?.plan.rollouts.map(({ name }) => name) ?? [];
      const ended = db.selectFrom('campaign').select('id').where('status', 'in', finished).where('started', '=', 1);
      const old = yield* rowsOf(ended.where('changed_at', '<', before).orderBy('id'));
      const all = db.selectFrom('campaign').select(['id', 'rollout']).where('started', '=', 1).orderBy('id');
      const newest = new Map((yield* rowsOf(all)).map(({ id, rollout }) => [rollout, id]));
      const judged = new Set(rollouts.map((name) => newest.get(name)));
      return old.map(({ id }) => id).filter((id) => !judged.has(id));
    },
    /** One piece of the attempts of these campaigns. */
    *attempts(campaigns: readonly number[]): DatabaseStep<number> {
      for (const id of campaigns) {
        const some = db.selectFrom('attempt').select('device').where('campaign', '=', id).limit(piece);
        const removed = yield* affectedBy(
          db.deleteFrom('attempt').where('campaign', '=', id).where('device', 'in', some),
        );
        if (removed > 0) return removed;
      }
      return 0;
    },
    *spending(now: number): DatabaseStep<number> {
      const before = slotOf(now - spendingDays * dayMs);
      return yield* affectedBy(db.deleteFrom('spending').where('slot', '>', 0).where('slot', '<', before));
    },
    /** Moves the mark of kept events, which is itself an event. */
    *markEvents(before: number, now: number): DatabaseStep<boolean> {
      const old = yield* firstOf(db.selectFrom('event').select('id').where('at', '<', before).limit(1));
      if (!old) return false;
      const moving = db.updateTable('event_retention').set({ keep_from: before });
      yield* affectedBy(moving.where('keep_from', '<', before));
      const reason = `Events before ${new Date(before).toISOString()} are removed.`;
      yield* events.append({ at: now, actor: 'retention', kind: 'events-removed', reason });
      return true;
    },
    /** One piece of the events before the mark. */
    *events(): DatabaseStep<number> {
      const mark = yield* firstOf(db.selectFrom('event_retention').select('keep_from'));
      const old = db
        .selectFrom('event')
        .select('id')
        .where('at', '<', mark?.keep_from ?? 0);
      return yield* affectedBy(db.deleteFrom('event').where('id', 'in', old.orderBy('id').limit(piece)));
    },
  };
}

/** See FleetState.prune. */
export async function prune(database: FleetDatabase, records: RetentionRecords, retention: Retention, now: number) {
  const before = now - retention.eventDays * dayMs;
  const plans = await database.write(() => records.plans(retention.plans, before));
  const ended = await database.read(() => records.finishedCampaigns(now - retention.attemptDays * dayMs));
  const attempts = await allPieces(database, () => records.attempts(ended));
  await database.write(() => records.spending(now));
  await database.write(() => records.markEvents(before, now), [eventsLock]);
  const events = await allPieces(database, () => records.events());
  await database.reclaim();
  return { plans, attempts, events };
}

async function allPieces(database: FleetDatabase, remove: () => DatabaseStep<number>): Promise<number> {
  let all = 0;
  for (;;) {
    const removed = await database.write(remove);
    all += removed;
    if (removed === 0) return all;
  }
}
