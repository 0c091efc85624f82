/**
 * A campaign is one rollout bringing one version: a channel that moves starts a new campaign under the same rollout,
 * with its waves closed again. Names its state, its attempts, and what an attempt without a result counts as.
 */
import type { DeviceId, DevicePhase } from '../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../contract/device-api/report.ts';
import type { Version } from '../../contract/release/version.ts';

export interface CampaignKey {
  readonly rollout: string;
  readonly version: Version;
}

/** `active` and `completed` offer; `paused` and `aborted` do not. Only `aborted` is final. */
export const campaignStatuses = ['active', 'paused', 'completed', 'aborted'] as const;
export type CampaignStatus = (typeof campaignStatuses)[number];

export interface OpenedWave {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
}

export interface CampaignState extends CampaignKey {
  readonly status: CampaignStatus;
  /** Why the status is what it is, one sentence. */
  readonly reason: string;
  /** Waves opened so far, first one first; their number bounds the cohort. */
  readonly openedWaves: readonly OpenedWave[];
  readonly createdAt: number;
  readonly changedAt: number;
}

/** What one device did with one campaign. It exists from the first offer or report on: the device was reached. */
export interface Attempt extends CampaignKey {
  readonly deviceId: DeviceId;
  /** The device's place in [0, 1), so that waves may be redrawn later. */
  readonly place: number;
  /** The version offered last: the campaign's, or a floor on the way to it. */
  readonly offeredVersion: Version;
  readonly offeredAt: number;
  /** Reported last; undefined before the first report. */
  readonly phase: DevicePhase | undefined;
  /** Result of the report with the highest sequence that had one. */
  readonly outcome: UpdateOutcome | undefined;
  /** Last check or report of the device. */
  readonly lastSeenAt: number;
}

/** Where an attempt stands when devices are counted. */
export type Standing = 'committed' | 'failed' | 'pending' | 'unreachable';

/** Phases in which the old release no longer runs undisturbed: silence here is a failure, not bad reception. */
const phasesAfterSwitch: readonly DevicePhase[] = ['switching', 'probation', 'rolling-back'];

/**
 * Without a result: pending until the time-out. After it, a device that still talks, or that was heard last in the
 * middle of the switch, failed; one that fell silent before it is unreachable, neither success nor failure.
 */
export function standingOf(attempt: Attempt, now: number, deviceTimeoutSeconds: number): Standing {
  if (attempt.outcome === 'committed') return 'committed';
  if (attempt.outcome !== undefined) return 'failed';
  const deadline = attempt.offeredAt + deviceTimeoutSeconds * 1000;
  if (now < deadline) return 'pending';
  if (attempt.lastSeenAt >= deadline) return 'failed';
  return attempt.phase !== undefined && phasesAfterSwitch.includes(attempt.phase) ? 'failed' : 'unreachable';
}

/** Devices of one wave's own slice, by standing. */
export interface WaveCounts {
  /** Known devices that the slice covers; counted only where nothing was reached, else undefined. */
  readonly members: number | undefined;
  readonly committed: number;
  readonly failed: number;
  readonly pending: number;
  readonly unreachable: number;
}

export const noCounts: WaveCounts = { members: undefined, committed: 0, failed: 0, pending: 0, unreachable: 0 };

/** Reached and heard of: unreachable devices are neither success nor failure. */
export function reachedOf(counts: WaveCounts): number {
  return counts.committed + counts.failed + counts.pending;
}
