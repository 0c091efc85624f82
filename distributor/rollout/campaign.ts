/**
 * A campaign is one rollout bringing one version: a channel that moves starts a new campaign under the same rollout,
 * with its waves closed again. Names its state, its attempts, and what an attempt without a result counts as.
 */
import type { DeviceId, DevicePhase } from '../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../contract/device-api/report.ts';
import type { Fault } from '../../contract/errors.ts';
import type { Version } from '../../contract/release/version.ts';

export interface CampaignKey {
  readonly rollout: string;
  readonly version: Version;
}

/** One text for each campaign; names and versions hold no space. */
export function campaignText({ rollout, version }: CampaignKey): string {
  return `${rollout} ${version}`;
}

/** `active` and `completed` offer; `paused` and `aborted` do not. Only a person brings an aborted one back. */
export const campaignStatuses = ['active', 'paused', 'completed', 'aborted'] as const;
export type CampaignStatus = (typeof campaignStatuses)[number];

export interface OpenedWave {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** When the next wave opened or the campaign completed; undefined until then. */
  readonly closedAt: number | undefined;
  /** Devices whose place is below it are in this wave or one before; in [0, 1], never below that of the wave before. */
  readonly upTo: number;
  /** Accepted devices of the group with a place below `upTo`, when the bound was drawn. */
  readonly members: number;
}

export interface CampaignState extends CampaignKey {
  readonly status: CampaignStatus;
  /** Why the status is what it is, one sentence. */
  readonly reason: string;
  /** Waves opened so far, first one first. */
  readonly openedWaves: readonly OpenedWave[];
  /** How often the campaign was told to try again; devices that failed in an earlier one are offered it once more. */
  readonly generation: number;
  /** When a gate that did not hold paused it; undefined when it is not paused for that. */
  readonly stalledAt: number | undefined;
  /**
   * When a person reopened it after an abort: failures from before are no evidence any more; undefined if nobody did.
   */
  readonly judgedFrom: number | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly changedAt: number;
}

/** Completed, whatever a person did to it since, until a further wave opens: nothing stops it by itself. */
export function isThrough({ status, openedWaves }: Pick<CampaignState, 'status' | 'openedWaves'>): boolean {
  return status === 'completed' || openedWaves.at(-1)?.closedAt !== undefined;
}

/**
 * What one device did with one campaign. It exists from the first offer, report or finding on: the device was reached.
 */
export interface CampaignAttempt extends CampaignKey {
  readonly deviceId: DeviceId;
  /** The device's place in [0, 1). */
  readonly place: number;
  /** The version offered last: the campaign's, or one on the way to it. */
  readonly offeredVersion: Version;
  /** When it was offered last: every offer moves it. Milliseconds since 1970; undefined where it never was. */
  readonly offeredAt: number | undefined;
  /** The campaign's when it was offered last, or found. */
  readonly generation: number;
  /** Reported last; undefined before the first report. */
  readonly phase: DevicePhase | undefined;
  /**
   * When a check first showed that the device runs the release, without a report that says so; see Finding. Undefined
   * where none did, or since it was offered the release again or ran something older.
   */
  readonly foundAt: number | undefined;
  /** Result of the report with the highest sequence that had one; where it has none, of a fall-back that was found. */
  readonly outcome: UpdateOutcome | undefined;
  /** Why it failed, as reported; of a newer device also a code that this program does not know. */
  readonly code: string | undefined;
  /** Whose fault that is; undefined without an outcome, and for a success. */
  readonly fault: Fault | undefined;
  /** When the server learned of the outcome, milliseconds since 1970; undefined without one. */
  readonly settledAt: number | undefined;
  /** When the device was last told to go back to its previous release, by an abort that reverts. */
  readonly revertedAt: number | undefined;
  /** As reported last. */
  readonly bytesOnWire: number | undefined;
  /** Last check or report of the device. */
  readonly lastSeenAt: number;
}

/** A device that was heard in one of these works on the update; how long that takes is a matter of its link. */
export const phasesUnderWay: readonly DevicePhase[] = [
  'downloading',
  'rebuilding',
  'switching',
  'probation',
  'rolling-back',
];
/** Phases in which the old release no longer runs undisturbed. */
export const phasesAfterSwitch: readonly DevicePhase[] = ['switching', 'probation', 'rolling-back'];

export function attemptAt(
  attempts: readonly CampaignAttempt[],
  { rollout, version }: CampaignKey,
): CampaignAttempt | undefined {
  for (const attempt of attempts) if (attempt.rollout === rollout && attempt.version === version) return attempt;
  return undefined;
}

/** When the device had the release, as far as the server knows; undefined while it does not count as a success. */
export function committedAt({
  outcome,
  settledAt,
  foundAt,
}: Pick<CampaignAttempt, 'outcome' | 'settledAt' | 'foundAt'>) {
  return outcome === 'committed' ? (settledAt ?? 0) : outcome === undefined ? foundAt : undefined;
}

/** The last try ended for a reason that is not the release's: the device tries again by itself. */
export function isHeld({ outcome, fault }: Pick<CampaignAttempt, 'outcome' | 'fault'>): boolean {
  return outcome !== undefined && outcome !== 'committed' && fault !== 'release';
}

/** The release did not work on the device, or was taken back from it. */
export function hasFailed({ outcome, fault }: Pick<CampaignAttempt, 'outcome' | 'fault'>): boolean {
  return outcome !== undefined && outcome !== 'committed' && fault === 'release';
}
