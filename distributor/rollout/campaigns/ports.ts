/** Declares what rollouts need from outside: where what happened to campaigns is kept. */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import type { Fault } from '../../../contract/errors.ts';
import type { DevicePage, Member } from '../../fleet/device-page.ts';
import type { CampaignAttempt, CampaignKey, CampaignState, OpenedWave } from '../campaign.ts';
import type { WaveCounts } from '../standing.ts';
import type { Transition } from './transition.ts';

/** Durable state of campaigns. Every method is atomic; a lost database is `database-unavailable`. */
export interface CampaignStore extends UnaskedStore {
  /** Those that have started. */
  loadCampaigns(): Promise<CampaignState[]>;
  /**
   * Compares and sets: makes the change that the transition means (see applyTransitionTo) to the campaign as it is in
   * the database, with the event of it in the audit log, in one transaction.
   * @param actor as AuditEvent has it
   * @returns false when it does not fit: somebody else made it, or it is too late
   */
  applyTransition(key: CampaignKey, transition: Transition, at: number, actor: string): Promise<boolean>;
  /** Runs work on the one replica that leads; undefined on the others. */
  asLeader<T>(work: () => Promise<T>): Promise<T | undefined>;

  attemptsOf(deviceId: DeviceId): Promise<CampaignAttempt[]>;
  /** Devices by wave and standing (see standingOf), counted by the database. Members are those of the opened waves. */
  countWaves(key: CampaignKey, question: CountQuestion): Promise<WaveCounts[]>;
  /**
   * Devices of a campaign that are held, by code; the most first.
   * @param heardAfter those that were silent since are not there any more, see heldSilenceMs
   */
  countHolds(key: CampaignKey, heardAfter: number): Promise<HoldCount[]>;
}

/** Whom a campaign has not asked yet. */
export interface UnaskedStore {
  /** Accepted devices of the product without an attempt of the campaign; all of them where it has not started. */
  unaskedOf(key: CampaignKey, product: string, page: DevicePage): Promise<Member[]>;
}

export interface CountQuestion {
  /** Of each opened wave, first one first. Which of them a device is in is decided as openWaveOf does. */
  readonly waves: readonly (Pick<OpenedWave, 'upTo' | 'openedAt'> & { readonly soakSeconds: number })[];
  /** As CampaignState has it. */
  readonly judgedFrom: number | undefined;
  readonly deviceTimeoutSeconds: number;
  readonly now: number;
}

export interface HoldCount {
  readonly fault: Exclude<Fault, 'release'>;
  readonly code: string;
  readonly devices: number;
}
