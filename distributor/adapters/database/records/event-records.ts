/**
 * Keeps the audit log in the fleet database, and the mark by which other processes see a change of what is in force.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { AuditEvent, RecordedEvent } from '../../../events/ports.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, firstOf, rowsOf } from '../step.ts';

/** A step that appends takes this lock first: so the order of ids is the order in which they can be seen. */
export const eventsLock = 'events';

export type EventRecords = ReturnType<typeof eventRecords>;

export function eventRecords(db: Kysely<FleetTables>) {
  return {
    *append(event: AuditEvent): DatabaseStep<void> {
      const { at, actor, kind, rollout = null, version = null, deviceId = null, reason, facts } = event;
      const row = { at, actor, kind, rollout, version, device_id: deviceId, reason };
      const text = facts === undefined ? null : JSON.stringify(facts);
      yield* affectedBy(db.insertInto('event').values({ ...row, facts: text }));
    },
    *list(after: number, limit: number): DatabaseStep<RecordedEvent[]> {
      const query = db.selectFrom('event').selectAll().where('id', '>', after).orderBy('id').limit(limit);
      return (yield* rowsOf(query)).map(fromRow);
    },
    *lastId(): DatabaseStep<number> {
      const row = yield* firstOf(db.selectFrom('event').select('id').orderBy('id', 'desc').limit(1));
      return row?.id ?? 0;
    },
    /** The last one of a kind; undefined when there is none. */
    *lastOf(kinds: readonly string[]): DatabaseStep<RecordedEvent | undefined> {
      const query = db
        .selectFrom('event')
        .selectAll()
        .where('kind', 'in', [...kinds])
        .orderBy('id', 'desc')
        .limit(1);
      const row = yield* firstOf(query);
      return row && fromRow(row);
    },
    /** Every copy of what is in force is out of date from now on. */
    *move(planSha256?: string): DatabaseStep<void> {
      const moved = db.updateTable('in_force').set({ revision: sql<number>`revision + 1` });
      yield* affectedBy(planSha256 === undefined ? moved : moved.set({ plan_sha256: planSha256 }));
    },
  };
}

function fromRow(row: Selectable<FleetTables['event']>): RecordedEvent {
  return {
    id: row.id,
    at: row.at,
    actor: row.actor,
    kind: row.kind,
    ...(row.rollout === null ? {} : { rollout: row.rollout }),
    ...(row.version === null ? {} : { version: row.version }),
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    reason: row.reason,
    ...(row.facts === null ? {} : { facts: JSON.parse(row.facts) as Record<string, string | number> }),
  };
}
