/** What rollouts need from outside: where declarations come from, and where what happened is kept. */
import type { DeviceId } from '../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../contract/device-api/report.ts';
import type { Attempt, CampaignKey, CampaignState, CampaignStatus } from './campaign.ts';
import type { Rollout } from './declaration.ts';

/** The declarations as they are now, all files together. */
export interface DeclaredSet {
  readonly rollouts: readonly Rollout[];
  /** Digest of all names and contents: the same set has the same mark. */
  readonly contentSha256: string;
}

export interface RolloutSource {
  /** For logs and messages. */
  readonly location: string;
  /**
   * @throws SlipwayError `document-invalid` with all problems of all files, `document-unreadable`; a set with one
   *   broken file is refused as a whole
   */
  read(): Promise<DeclaredSet>;
  /** Calls back some time after a change; may call back without one. Ends when the returned function is called. */
  watch(onChange: () => void): () => void;
}

export interface OutcomeCount {
  readonly outcome: UpdateOutcome;
  readonly devices: number;
}

/** Durable state of campaigns. Every method is atomic; a lost database is `database-unavailable`. */
export interface CampaignStore {
  /** The set accepted last, so that a broken file does not stop a restart; undefined before the first. */
  loadDeclared(): Promise<DeclaredSet | undefined>;
  saveDeclared(set: DeclaredSet, at: number): Promise<void>;

  loadCampaigns(): Promise<CampaignState[]>;
  /** Opens a wave if it is not open yet, and the campaign with it: two replicas never open one twice. */
  openWave(key: CampaignKey, index: number, name: string, at: number, reason: string): Promise<void>;
  /** Changes the status unless the campaign is aborted already. */
  setStatus(key: CampaignKey, status: CampaignStatus, reason: string, at: number): Promise<void>;

  attemptsOf(deviceId: DeviceId): Promise<Attempt[]>;
  /** Attempts with a result whose place is at least `fromPercent` and below `toPercent`. */
  countOutcomes(key: CampaignKey, fromPercent: number, toPercent: number): Promise<OutcomeCount[]>;
  /** Attempts without a result. */
  openAttempts(key: CampaignKey): Promise<Attempt[]>;
  /** Ids of all accepted devices of a product. */
  devicesOf(product: string): Promise<DeviceId[]>;
}
