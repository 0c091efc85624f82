/** Reports in the fleet database, and what they change in the attempts. */
import type { Kysely, Transaction } from 'kysely';
import type { Report } from '../../contract/device-api/report.ts';
import type { StoredReports } from '../fleet/ports.ts';
import type { FleetTables } from './fleet-tables.ts';

/** See DeviceStore.storeReports. */
export async function storeReports(
  tx: Transaction<FleetTables>,
  deviceId: string,
  reports: readonly Report[],
  place: (rollout: string) => number | undefined,
  at: number,
): Promise<StoredReports> {
  const fresh: Report[] = [];
  for (const report of [...reports].sort((a, b) => a.sequence - b.sequence)) {
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('report')
      .values({ device_id: deviceId, sequence: report.sequence, received_at: at, body: JSON.stringify(report) })
      .onConflict((conflict) => conflict.columns(['device_id', 'sequence']).doNothing())
      .executeTakeFirst();
    if (!numInsertedOrUpdatedRows) continue;
    fresh.push(report);
    if (report.rollout !== undefined) await applyToAttempt(tx, deviceId, report.rollout, report, place, at);
  }
  const acknowledgedThrough = await advanceAcknowledged(tx, deviceId);
  await tx
    .updateTable('device')
    .set({ last_seen_at: at, acknowledged_through: acknowledgedThrough })
    .where('id', '=', deviceId)
    .execute();
  return { acknowledgedThrough, fresh };
}

export async function listReports(db: Kysely<FleetTables>, deviceId: string, limit: number): Promise<Report[]> {
  const rows = await db
    .selectFrom('report')
    .select('body')
    .where('device_id', '=', deviceId)
    .orderBy('sequence', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => JSON.parse(row.body) as Report);
}

async function applyToAttempt(
  tx: Transaction<FleetTables>,
  deviceId: string,
  rollout: string,
  report: Report,
  place: (rollout: string) => number | undefined,
  at: number,
) {
  const known = await tx
    .selectFrom('attempt')
    .selectAll()
    .where('rollout', '=', rollout)
    .where('device_id', '=', deviceId)
    .where((eb) => eb.or([eb('offered_version', '=', report.version), eb('version', '=', report.version)]))
    .orderBy('offered_at', 'desc')
    .executeTakeFirst();
  const where = place(rollout);
  if (!known && where === undefined) return;
  const before = known ?? {
    rollout,
    version: report.version,
    device_id: deviceId,
    place: where ?? 0,
    offered_version: report.version,
    offered_at: at,
    phase: null,
    phase_sequence: 0,
    outcome: null,
    outcome_sequence: 0,
  };
  const after = { ...before };
  if (report.sequence > before.phase_sequence) {
    after.phase = report.phase;
    after.phase_sequence = report.sequence;
  }
  if (report.outcome !== undefined && report.sequence > before.outcome_sequence) {
    // A floor reached on the way is no result of the campaign.
    const isHop = report.outcome === 'committed' && report.version !== before.version;
    after.outcome = isHop ? null : report.outcome;
    after.outcome_sequence = report.sequence;
  }
  await tx
    .insertInto('attempt')
    .values(after)
    .onConflict((conflict) =>
      conflict.columns(['rollout', 'version', 'device_id']).doUpdateSet({
        phase: after.phase,
        phase_sequence: after.phase_sequence,
        outcome: after.outcome,
        outcome_sequence: after.outcome_sequence,
      }),
    )
    .execute();
}

/** Walks on from the last acknowledged sequence over those that follow without a gap. */
async function advanceAcknowledged(tx: Transaction<FleetTables>, deviceId: string): Promise<number> {
  const device = await tx
    .selectFrom('device')
    .select('acknowledged_through')
    .where('id', '=', deviceId)
    .executeTakeFirstOrThrow();
  let through = device.acknowledged_through;
  const later = await tx
    .selectFrom('report')
    .select('sequence')
    .where('device_id', '=', deviceId)
    .where('sequence', '>', through)
    .orderBy('sequence')
    .execute();
  for (const { sequence } of later) {
    if (sequence !== through + 1) break;
    through = sequence;
  }
  return through;
}
