/** Defines what deciding needs to know, as plain data: the device, its neighbours, the campaigns, the time. */
import type { CheckRequest, DeviceId, Labels } from '../../../contract/device-api/check.ts';
import type { Version } from '../../../contract/release/version.ts';
import type { ReleaseIndex } from '../../catalog/releases.ts';
import type { Role } from '../../fleet/location.ts';
import type { CampaignAttempt, CampaignKey, CampaignState } from '../campaign.ts';
import type { CompiledPlan } from '../compiled-plan.ts';

interface DeviceFacts {
  readonly id: DeviceId;
  readonly check: CheckRequest;
  /** Effective: its own and those given by rule. */
  readonly labels: Labels;
  /** Milliseconds since 1970. */
  readonly enrolledAt: number;
}

/** Another accepted device that is vouched to be of the same site or cluster. */
export interface Peer {
  readonly id: DeviceId;
  readonly product: string;
  readonly site: string | undefined;
  readonly cluster: string | undefined;
  readonly role: Role;
  readonly current: Version | undefined;
  /** It has an open attempt within its time-out, or was heard lately in the middle of an update. */
  readonly isUpdating: boolean;
  /** Last check or report, milliseconds since 1970; undefined before the first. */
  readonly lastSeenAt: number | undefined;
}

/** Bytes of one campaign in the period of its budget. */
export interface Spending {
  /** Reported by devices. */
  readonly bytes: number;
  /** Offers in the period whose bytes were not reported yet. */
  readonly reserved: number;
  /** Of attempts with a result; undefined before the first. */
  readonly meanBytes: number | undefined;
}

export type CampaignLookup = (rollout: string, version: Version) => CampaignState | undefined;

export interface DecideInput {
  readonly device: DeviceFacts;
  readonly plan: CompiledPlan;
  readonly releases: ReleaseIndex;
  readonly campaign: CampaignLookup;
  /** Of this device. */
  readonly attempts: readonly CampaignAttempt[];
  /** Of the same site or the same cluster, without the device itself. */
  readonly peers: readonly Peer[];
  readonly spending: (key: CampaignKey) => Spending | undefined;
  /** The server's time, milliseconds since 1970; no other clock counts. */
  readonly now: number;
}
