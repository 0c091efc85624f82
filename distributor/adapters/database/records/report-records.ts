/** Records reports in the fleet database, each once, and what they change in the attempts they belong to. */
import type { Kysely, Selectable } from 'kysely';
import type { DevicePhase } from '../../../../contract/device-api/check.ts';
import type { Report, UpdateOutcome } from '../../../../contract/device-api/report.ts';
import { type Digest, sha256 } from '../../../../contract/digest.ts';
import { type Fault, faultOf } from '../../../../contract/errors.ts';
import type { ReportRules, StoredReports } from '../../../fleet/ports.ts';
import { type CampaignKey, hasFailed, isHeld, phasesUnderWay } from '../../../rollout/campaign.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { type DatabaseStep, Prepared, rowsOf, type SlotOf, slots, type ValueType } from '../step.ts';
import type { AttemptRow } from './attempt-records.ts';
import { acceptedOnly, type Neighbours } from './check-records.ts';
import { type DeviceRow, deviceOf } from './device-records.ts';
import { ReceivedSequences } from './received-sequences.ts';

export type ReportRow = Selectable<FleetTables['report']>;

/** From these on a device has all bytes of its release. */
const phasesWithAllBytes: readonly DevicePhase[] = [
  'staged',
  'switching',
  'probation',
  'committed',
  'rolling-back',
  'rolled-back',
];

/** What a report changed in an attempt: it takes a success back; it makes a failure of what was none. */
interface Turn {
  readonly isBack: boolean;
  readonly isFailure: boolean;
}

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

  function* apply(before: AttemptRow, report: Report, maxBytes: number, at: number): DatabaseStep<Turn> {
    const after = { ...before };
    const { campaign } = before;
    if (report.sequence > before.phase_sequence) {
      after.phase = report.phase;
      after.phase_sequence = report.sequence;
    }
    if (report.transfer && report.sequence > before.bytes_sequence) {
      const bytes = Math.min(report.transfer.bytesOnWire, maxBytes);
      after.bytes_of = sha256(new TextEncoder().encode(report.attempt)).slice(0, 8);
      after.bytes_on_wire = bytes;
      after.bytes_sequence = report.sequence;
      const spent = after.bytes_of === before.bytes_of ? bytes - (before.bytes_on_wire ?? 0) : bytes;
      if (spent > 0) yield* near.spending.spend(campaign, spent, at);
    }
    if (report.sequence > before.outcome_sequence) Object.assign(after, outcomeAfter(before, report, at));
    const isFirst = before.outcome_sequence === 0 && after.outcome_sequence > 0;
    if (isFirst && after.bytes_on_wire !== null) yield* near.spending.settle(campaign, after.bytes_on_wire);
    const hasAllBytes = report.outcome !== undefined || phasesWithAllBytes.includes(report.phase);
    if (before.reserved_slot !== null && hasAllBytes && report.sequence > before.phase_sequence) {
      yield* near.spending.release(campaign, before.reserved_slot);
      after.reserved_slot = null;
    }
    yield* progressing.change(after);
    const hadIt = before.outcome === 'committed' || (before.outcome === null && before.found_at !== null);
    return {
      isBack: hadIt && after.outcome !== null && after.outcome !== 'committed',
      isFailure: hasFailed(stateOf(after)) && !hasFailed(stateOf(before)),
    };
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
        reports.map(({ sequence }) => sequence),
        new Set(fresh.map(({ sequence }) => sequence)),
      );
      const { through } = received;
      if (through !== row.acknowledged_through || received.text !== row.gaps) {
        yield* acknowledging.change({ device: row.number, through, gaps: received.text });
      }
      if (fresh.length > 0) yield* trimming.change({ device: row.number, through: through - keptReports });
      yield* near.devices.sight(row.number, at);
      return { acknowledgedThrough: through, fresh, fellBack, failed };
    },

    *list(id: string, limit: number): DatabaseStep<Report[]> {
      const query = db.selectFrom('report').innerJoin('device', 'device.number', 'report.device').selectAll('report');
      const rows = yield* rowsOf(query.where('device.id', '=', id).orderBy('report.sequence', 'desc').limit(limit));
      return rows.map(reportOf);
    },
  };
}

/**
 * What a report makes of an attempt's outcome. A release reached on the way is no result of the campaign; a device that
 * was held and works on the update again is held no more.
 */
function outcomeAfter(before: AttemptRow, report: Report, at: number): Partial<AttemptRow> {
  const open = { outcome: null, code: null, fault: null, settled_at: null };
  const { outcome, sequence, code, phase } = report;
  if (outcome === undefined) {
    return before.outcome !== null && isHeld(stateOf(before)) && phasesAtWork.includes(phase) ? open : {};
  }
  const result = { outcome_sequence: sequence };
  if (outcome === 'committed') {
    if (report.version !== before.version) return { ...result, ...open };
    const settled = before.outcome === 'committed' ? before.settled_at : at;
    return { ...result, outcome, code: null, fault: null, settled_at: settled };
  }
  // A device that goes back without a code was told so by a person there.
  const fault = code === undefined ? (outcome === 'failed' ? 'device' : 'release') : faultOf(code, report.fault);
  // It came late: the device works on the update again.
  const isOver = before.phase_sequence > sequence && phasesAtWork.some((atWork) => atWork === before.phase);
  if (isOver && fault !== 'release') return { ...result, ...open };
  return { ...result, outcome, code: code ?? null, fault, settled_at: at };
}

function stateOf({ outcome, fault }: AttemptRow) {
  return {
    outcome: (outcome ?? undefined) as UpdateOutcome | undefined,
    fault: (fault ?? undefined) as Fault | undefined,
  };
}

const phasesAtWork: readonly DevicePhase[] = [...phasesUnderWay, 'staged'];

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
