/** Records reports in the fleet database, each once, and what they change in the attempts they belong to. */
import type { Kysely, Selectable } from 'kysely';
import type { DevicePhase } from '../../../../contract/device-api/check.ts';
import type { Report, UpdateOutcome } from '../../../../contract/device-api/report.ts';
import { type Digest, sha256 } from '../../../../contract/digest.ts';
import type { Fault } from '../../../../contract/errors.ts';
import { hasForked } from '../../../fleet/identity/forked-reports.ts';
import type { ReportRules, StoredReports } from '../../../fleet/ports.ts';
import { ReceivedSequences } from '../../../fleet/received-sequences.ts';
import { afterReport, type ReportEffect, type ReportedAttempt } from '../../../rollout/attempt-after-report.ts';
import type { CampaignKey } from '../../../rollout/campaign.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { type DatabaseStep, Prepared, rowsOf, type SlotOf, slots, type ValueType } from '../step.ts';
import type { AttemptRow } from './attempt-records.ts';
import { acceptedOnly, type Neighbours } from './check-records.ts';
import { type DeviceRow, deviceOf } from './device-records.ts';

export type ReportRow = Selectable<FleetTables['report']>;

/** @param keptReports of one device, those with the highest sequences */
export function reportRecords(db: Kysely<FleetTables>, near: Neighbours, keptReports: number) {
  const inserting = Prepared.often(reportTypes, (slot: SlotOf<keyof ReportRow>) =>
    db.insertInto('report').values(Object.fromEntries(reportColumns.map((name) => [name, slot(name)])) as never),
  );
  const storedAfter = Prepared.often(throughTypes, (slot: SlotOf<'device' | 'through'>) =>
    db
      .selectFrom('report')
      .select('sequence')
      .where('device', '=', slot('device'))
      .where('sequence', '>', slot('through'))
      .orderBy('sequence'),
  );
  const marked = (device: number, sequences: readonly number[]) =>
    db
      .selectFrom('report')
      .select(['sequence', 'at', 'attempt'])
      .where('device', '=', device)
      .where('sequence', 'in', [...sequences]);
  const trimming = Prepared.often(throughTypes, (slot: SlotOf<'device' | 'through'>) =>
    db.deleteFrom('report').where('device', '=', slot('device')).where('sequence', '<=', slot('through')),
  );
  const acknowledging = Prepared.often(
    { ...throughTypes, gaps: 'text' },
    (slot: SlotOf<'device' | 'through' | 'gaps'>) =>
      db
        .updateTable('device')
        .set({ acknowledged_through: slot('through'), gaps: slot('gaps') })
        .where('number', '=', slot('device')),
  );

  const progressing = Prepared.often(progressTypes, (slot: SlotOf<ReportedColumn | 'campaign' | 'device'>) =>
    db
      .updateTable('attempt')
      .set(Object.fromEntries(reportedColumns.map((name) => [name, slot(name)])) as never)
      .where('campaign', '=', slot('campaign'))
      .where('device', '=', slot('device')),
  );

  /**
   * The attempt that a report is about: of several with its version the one offered last. One that was never offered
   * is none: nobody counts who was not asked.
   */
  function* attemptOf(row: DeviceRow, { rollout, version }: Report): DatabaseStep<AttemptRow | undefined> {
    if (rollout === undefined) return undefined;
    const [known] = (yield* near.attempts.ofDevice(row.number))
      .filter((attempt) => attempt.rollout === rollout && attempt.offered_at > 0)
      .filter((attempt) => attempt.version === version || attempt.offered_version === version)
      .sort((a, b) => b.offered_at - a.offered_at);
    return known;
  }

  function* apply(before: AttemptRow, report: Report, maxBytes: number, at: number): DatabaseStep<ReportEffect> {
    const { campaign, device } = before;
    const tryName = report.transfer ? sha256(new TextEncoder().encode(report.attempt)).slice(0, 8) : '';
    const effect = afterReport(reportedOf(before), report, tryName, maxBytes, at);
    const { spentBytes, settledBytes, freesReservation } = effect;
    if (spentBytes > 0) yield* near.spending.spend(campaign, spentBytes, at);
    if (settledBytes !== undefined) yield* near.spending.settle(campaign, settledBytes);
    if (freesReservation && before.reserved_slot !== null) yield* near.spending.release(campaign, before.reserved_slot);
    yield* progressing.change({ campaign, device, ...columnsOf(effect.after) });
    return effect;
  }

  return {
    /** See DeviceStore.storeReports. */
    *store(id: string, reports: readonly Report[], rules: ReportRules, at: number): DatabaseStep<StoredReports> {
      const row = acceptedOnly(id, yield* near.devices.row(id));
      const received = ReceivedSequences.parse(row.acknowledged_through, row.gaps);
      const fresh: Report[] = [];
      const fellBack: CampaignKey[] = [];
      const failed: CampaignKey[] = [];
      const later = yield* storedAfter.rows({ device: row.number, through: received.through });
      const stored = new Set(later.map(({ sequence }) => sequence));
      const repeated = reports.filter(({ sequence }) => received.has(sequence) || stored.has(sequence));
      const marks = repeated.length === 0 ? [] : yield* rowsOf(marked(row.number, sequencesOf(repeated)));
      if (hasForked(repeated, marks)) {
        return { acknowledgedThrough: received.through, fresh, fellBack, failed, isForked: true };
      }
      for (const report of [...reports].sort((a, b) => a.sequence - b.sequence)) {
        if (received.has(report.sequence) || stored.has(report.sequence)) continue;
        yield* inserting.change(toRow(row.number, report, at));
        stored.add(report.sequence);
        received.fill(report.sequence);
        fresh.push(report);
        const rule = rules(report, deviceOf(row));
        const attempt = rule && (yield* attemptOf(row, report));
        if (!attempt) continue;
        const turn = yield* apply(attempt, report, rule.maxBytes, at);
        const key = { rollout: attempt.rollout, version: attempt.version };
        if (turn.isBack) fellBack.push(key);
        if (turn.isFailure) failed.push(key);
      }
      received.advance(
        [...stored].filter((sequence) => sequence > received.through).sort((a, b) => a - b),
        sequencesOf(reports),
        new Set(fresh.map(({ sequence }) => sequence)),
      );
      const { through } = received;
      if (through !== row.acknowledged_through || received.text !== row.gaps) {
        yield* acknowledging.change({ device: row.number, through, gaps: received.text });
      }
      if (fresh.length > 0) yield* trimming.change({ device: row.number, through: through - keptReports });
      yield* near.devices.sight(row.number, at);
      return { acknowledgedThrough: through, fresh, fellBack, failed, isForked: false };
    },

    *list(id: string, limit: number): DatabaseStep<Report[]> {
      const query = db.selectFrom('report').innerJoin('device', 'device.number', 'report.device').selectAll('report');
      const rows = yield* rowsOf(query.where('device.id', '=', id).orderBy('report.sequence', 'desc').limit(limit));
      return rows.map(reportOf);
    },
  };
}

function sequencesOf(reports: readonly Report[]): number[] {
  return reports.map(({ sequence }) => sequence);
}

function reportedOf(row: AttemptRow): ReportedAttempt {
  return {
    version: row.version,
    foundAt: row.found_at ?? undefined,
    phase: (row.phase ?? undefined) as DevicePhase | undefined,
    phaseSequence: row.phase_sequence,
    outcome: (row.outcome ?? undefined) as UpdateOutcome | undefined,
    outcomeSequence: row.outcome_sequence,
    code: row.code ?? undefined,
    fault: (row.fault ?? undefined) as Fault | undefined,
    settledAt: row.settled_at ?? undefined,
    bytesOnWire: row.bytes_on_wire ?? undefined,
    bytesOf: row.bytes_of ?? undefined,
    bytesSequence: row.bytes_sequence,
    reservedSlot: row.reserved_slot ?? undefined,
  };
}

function columnsOf(after: ReportedAttempt): Record<ReportedColumn, string | number | null> {
  return {
    phase: after.phase ?? null,
    phase_sequence: after.phaseSequence,
    outcome: after.outcome ?? null,
    outcome_sequence: after.outcomeSequence,
    code: after.code ?? null,
    fault: after.fault ?? null,
    settled_at: after.settledAt ?? null,
    bytes_on_wire: after.bytesOnWire ?? null,
    bytes_of: after.bytesOf ?? null,
    bytes_sequence: after.bytesSequence,
    reserved_slot: after.reservedSlot ?? null,
  };
}

/** What reports change in an attempt. */
const reportedTypes = {
  ...slots('text', 'phase', 'outcome', 'code', 'fault', 'bytes_of'),
  ...slots('bigint', 'phase_sequence', 'outcome_sequence', 'settled_at', 'bytes_on_wire', 'bytes_sequence'),
  ...slots('bigint', 'reserved_slot'),
};
type ReportedColumn = keyof typeof reportedTypes;
const reportedColumns = Object.keys(reportedTypes) as ReportedColumn[];
const progressTypes = { ...reportedTypes, ...slots('bigint', 'campaign', 'device') };
const throughTypes = slots('bigint', 'device', 'through');

const reportTypes: Readonly<Record<keyof ReportRow, ValueType>> = {
  ...slots('bigint', 'device', 'sequence', 'received_at', 'bytes_on_wire', 'full_bytes', 'resumed_from'),
  ...slots('text', 'at', 'attempt', 'rollout', 'version', 'manifest_sha256'),
  ...slots('text', 'phase', 'outcome', 'code', 'fault', 'message', 'next_try_at'),
};
export const reportColumns = Object.keys(reportTypes) as (keyof ReportRow)[];

function toRow(device: number, report: Report, receivedAt: number): ReportRow {
  return {
    device,
    sequence: report.sequence,
    received_at: receivedAt,
    at: report.at,
    attempt: report.attempt,
    rollout: report.rollout ?? null,
    version: report.version,
    manifest_sha256: report.manifestSha256 ?? null,
    phase: report.phase,
    outcome: report.outcome ?? null,
    code: report.code ?? null,
    fault: report.fault ?? null,
    message: report.message ?? null,
    next_try_at: report.nextTryAt ?? null,
    bytes_on_wire: report.transfer?.bytesOnWire ?? null,
    full_bytes: report.transfer?.fullBytes ?? null,
    resumed_from: report.transfer?.resumedFrom ?? null,
  };
}

/** As the device told it. */
export function reportOf(row: ReportRow): Report {
  const { bytes_on_wire: bytesOnWire, full_bytes: fullBytes, resumed_from: resumedFrom } = row;
  const hasTransfer = bytesOnWire !== null && fullBytes !== null && resumedFrom !== null;
  return {
    sequence: row.sequence,
    at: row.at,
    attempt: row.attempt,
    ...(row.rollout === null ? {} : { rollout: row.rollout }),
    version: row.version,
    ...(row.manifest_sha256 === null ? {} : { manifestSha256: row.manifest_sha256 as Digest }),
    phase: row.phase as DevicePhase,
    ...(row.outcome === null ? {} : { outcome: row.outcome as UpdateOutcome }),
    ...(row.code === null ? {} : { code: row.code }),
    ...(row.fault === null ? {} : { fault: row.fault as Fault }),
    ...(row.message === null ? {} : { message: row.message }),
    ...(row.next_try_at === null ? {} : { nextTryAt: row.next_try_at }),
    ...(hasTransfer ? { transfer: { bytesOnWire, fullBytes, resumedFrom } } : {}),
  };
}
