/**
 * Works out what one report of a device makes of its attempt: phase, outcome and bytes, each by the report with the
 * highest sequence that tells of it. Every state of the fleet records by it.
 */
import type { DevicePhase } from '../../contract/device-api/check.ts';
import type { Report } from '../../contract/device-api/report.ts';
import { faultOf } from '../../contract/errors.ts';
import { type CampaignAttempt, committedAt, hasFailed, isHeld, phasesUnderWay } from './campaign.ts';

type Told = 'phase' | 'outcome' | 'code' | 'fault' | 'settledAt' | 'bytesOnWire';

/** An attempt as reports change it; 0 for the sequence of a report that did not come yet. */
export interface ReportedAttempt extends Pick<CampaignAttempt, Told | 'version' | 'foundAt'> {
  readonly phaseSequence: number;
  readonly outcomeSequence: number;
  readonly bytesSequence: number;
  /** Names the try whose bytes these are. */
  readonly bytesOf: string | undefined;
  /** Where a reservation of its bytes stands. */
  readonly reservedSlot: number | undefined;
}

export interface ReportEffect {
  readonly after: ReportedAttempt;
  /** More than was known of this try; 0 for none. */
  readonly spentBytes: number;
  /** Of an attempt that has its first result now, where its bytes are known. */
  readonly settledBytes: number | undefined;
  /** Its bytes are known: nothing is reserved for it any more. */
  readonly freesReservation: boolean;
  /** It takes a success back. */
  readonly isBack: boolean;
  /** It makes a failure of what was none. */
  readonly isFailure: boolean;
}

/** From these on a device has all bytes of its release. */
const phasesWithAllBytes: readonly DevicePhase[] = [
  'staged',
  'switching',
  'probation',
  'committed',
  'rolling-back',
  'rolled-back',
];
const phasesAtWork: readonly DevicePhase[] = [...phasesUnderWay, 'staged'];

/** @param tryName names the try that the report is of @param maxBytes what the release can cost */
export function afterReport(
  before: ReportedAttempt,
  report: Report,
  tryName: string,
  maxBytes: number,
  at: number,
): ReportEffect {
  const isNewest = report.sequence > before.phaseSequence;
  const moved = bytesAfter(before, report, tryName, maxBytes);
  const outcome = report.sequence > before.outcomeSequence ? outcomeAfter(before, report, at) : {};
  const phase = isNewest ? { phase: report.phase, phaseSequence: report.sequence } : {};
  const hasAllBytes = report.outcome !== undefined || phasesWithAllBytes.includes(report.phase);
  const freesReservation = before.reservedSlot !== undefined && hasAllBytes && isNewest;
  const freed = freesReservation ? { reservedSlot: undefined } : {};
  const after = { ...before, ...phase, ...moved.known, ...outcome, ...freed };
  const isFirst = before.outcomeSequence === 0 && after.outcomeSequence > 0;
  const isFailedNow = after.outcome !== undefined && after.outcome !== 'committed';
  return {
    after,
    spentBytes: moved.spent,
    settledBytes: isFirst ? after.bytesOnWire : undefined,
    freesReservation,
    isBack: committedAt(before) !== undefined && isFailedNow,
    isFailure: hasFailed(after) && !hasFailed(before),
  };
}

function bytesAfter(before: ReportedAttempt, { sequence, transfer }: Report, tryName: string, maxBytes: number) {
  if (!transfer || sequence <= before.bytesSequence) return { known: {}, spent: 0 };
  const bytesOnWire = Math.min(transfer.bytesOnWire, maxBytes);
  const spent = tryName === before.bytesOf ? bytesOnWire - (before.bytesOnWire ?? 0) : bytesOnWire;
  return { known: { bytesOnWire, bytesOf: tryName, bytesSequence: sequence }, spent: Math.max(0, spent) };
}

/**
 * The attempt's outcome after a report. A release reached on the way is no result of the campaign; a device that was
 * held and works on the update again is held no more.
 */
function outcomeAfter(before: ReportedAttempt, report: Report, at: number): Partial<ReportedAttempt> {
  const open = { outcome: undefined, code: undefined, fault: undefined, settledAt: undefined };
  const { outcome, sequence, code, phase } = report;
  if (outcome === undefined) return isHeld(before) && phasesAtWork.includes(phase) ? open : {};
  const result = { outcomeSequence: sequence };
  if (outcome === 'committed') {
    if (report.version !== before.version) return { ...result, ...open };
    const settledAt = before.outcome === 'committed' ? before.settledAt : at;
    return { ...result, outcome, code: undefined, fault: undefined, settledAt };
  }
  // A device that goes back without a code was told so by a person there.
  const fault = code === undefined ? (outcome === 'failed' ? 'device' : 'release') : faultOf(code, report.fault);
  // It came late: the device works on the update again.
  const isOver = before.phaseSequence > sequence && phasesAtWork.some((atWork) => atWork === before.phase);
  if (isOver && fault !== 'release') return { ...result, ...open };
  return { ...result, outcome, code, fault, settledAt: at };
}
