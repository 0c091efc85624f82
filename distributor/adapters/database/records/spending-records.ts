/**
 * Counts in the fleet database the bytes that campaigns cost by time: slots of ten minutes, so that any period of a
 * budget is a sum of few rows whatever the number of devices. What is reserved stands in the slot of the offer until
 * the device has all bytes.
 */
import { type Kysely, sql } from 'kysely';
import type { Spending } from '../../../rollout/deciding/decide-input.ts';
import { slotOf } from '../../../rollout/spending-slot.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { type DatabaseStep, Prepared, type SlotOf } from '../step.ts';

/** Holds the sum over attempts with a result, for the mean. */
const totalSlot = 0;

/** Of whoever may change several rows of it: so that no two wait for each other's. */
export const spendingLock = 'spending';

export type SpendingRecords = ReturnType<typeof spendingRecords>;

export function spendingRecords(db: Kysely<FleetTables>) {
  const adding = Prepared.from((slot: SlotOf<'campaign' | 'slot' | 'bytes' | 'attempts' | 'reserved'>) =>
    db
      .insertInto('spending')
      .values({
        campaign: slot('campaign'),
        slot: slot('slot'),
        bytes: slot('bytes'),
        attempts: slot('attempts'),
        reserved: slot('reserved'),
      })
      .onConflict((conflict) =>
        conflict.columns(['campaign', 'slot']).doUpdateSet({
          bytes: sql<number>`spending.bytes + excluded.bytes`,
          attempts: sql<number>`spending.attempts + excluded.attempts`,
          reserved: sql<number>`spending.reserved + excluded.reserved`,
        }),
      ),
  );
  const summing = Prepared.from((slot: SlotOf<'campaign' | 'since'>) =>
    db
      .selectFrom('spending')
      .select([
        sql<number>`cast(coalesce(sum(case when slot > 0 then bytes end), 0) as bigint)`.as('bytes'),
        sql<number>`cast(coalesce(sum(case when slot > 0 then reserved end), 0) as bigint)`.as('reserved'),
        sql<number>`cast(coalesce(sum(case when slot = 0 then bytes end), 0) as bigint)`.as('settled_bytes'),
        sql<number>`cast(coalesce(sum(case when slot = 0 then attempts end), 0) as bigint)`.as('settled'),
      ])
      .where('campaign', '=', slot('campaign'))
      .where((eb) => eb.or([eb('slot', '=', sql.lit(totalSlot)), eb('slot', '>=', slot('since'))])),
  );
  function* add(campaign: number, slot: number, change: { bytes?: number; attempts?: number; reserved?: number }) {
    const { bytes = 0, attempts = 0, reserved = 0 } = change;
    yield* adding.change({ campaign, slot, bytes, attempts, reserved });
  }
  return {
    *of(campaign: number, perSeconds: number, now: number): DatabaseStep<Spending> {
      const sum = yield* summing.first({ campaign, since: Math.max(1, slotOf(now - perSeconds * 1000)) });
      const { bytes = 0, reserved = 0, settled = 0, settled_bytes: all = 0 } = sum ?? {};
      return { bytes, reserved, meanBytes: settled === 0 ? undefined : Math.round(all / settled) };
    },
    *spend(campaign: number, bytes: number, at: number): DatabaseStep<void> {
      yield* add(campaign, slotOf(at), { bytes });
    },
    /** An attempt has its first result after this number of bytes. */
    *settle(campaign: number, bytes: number): DatabaseStep<void> {
      yield* add(campaign, totalSlot, { bytes, attempts: 1 });
    },
    *reserve(campaign: number, slot: number): DatabaseStep<void> {
      yield* add(campaign, slot, { reserved: 1 });
    },
    *release(campaign: number, slot: number): DatabaseStep<void> {
      yield* add(campaign, slot, { reserved: -1 });
    },
  };
}
