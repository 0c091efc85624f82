/** What the distributor keeps of devices and tokens. Every method is atomic; a lost database is `database-unavailable`. */
import type { CheckRequest, DeviceId, DevicePhase, InstalledRelease, Labels } from '../../contract/device-api/check.ts';
import type { TokenPurpose } from '../../contract/device-api/enrolment.ts';
import type { Report } from '../../contract/device-api/report.ts';
import type { Digest } from '../../contract/digest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { CampaignStore } from '../rollout/ports.ts';
import type { Scope } from './scopes.ts';

/** Times are milliseconds since 1970. */
export interface TokenRecord {
  /** Public name of the token, for lists and revocation. */
  readonly id: string;
  /** SHA-256 of the token's text; the text itself is nowhere. */
  readonly hash: Digest;
  readonly purpose: TokenPurpose;
  readonly scopes: readonly Scope[];
  /** The device that a `device` token belongs to. */
  readonly deviceId: DeviceId | undefined;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  /** Enrolments left; undefined where uses are not counted. */
  readonly usesLeft: number | undefined;
  readonly revokedAt: number | undefined;
}

export interface TokenStore {
  saveToken(token: TokenRecord): Promise<void>;
  findToken(hash: Digest): Promise<TokenRecord | undefined>;
  listTokens(): Promise<TokenRecord[]>;
  /** False when no token has this id. */
  revokeToken(id: string, at: number): Promise<boolean>;
}

export interface DeviceRecord {
  readonly id: DeviceId;
  readonly product: string;
  readonly platform: Platform;
  readonly labels: Labels;
  readonly status: 'accepted' | 'revoked';
  readonly enrolledAt: number;
  readonly lastSeenAt: number | undefined;
  readonly updaterVersion: string | undefined;
  readonly current: InstalledRelease | undefined;
  readonly counterFloor: number;
  readonly phase: DevicePhase | undefined;
  /** Every report up to this sequence is stored. */
  readonly acknowledgedThrough: number;
}

export interface Enrolment {
  readonly device: Pick<DeviceRecord, 'id' | 'product' | 'platform' | 'labels'>;
  readonly enrolmentTokenId: string;
  readonly deviceToken: TokenRecord;
  readonly at: number;
}

/**
 * `enrolled`: one use of the token is spent · `repeated`: the same token enrolled this device before and the device
 * has not been seen since (its answer was lost), so its token is replaced and no use is spent.
 */
export type EnrolmentOutcome = 'enrolled' | 'repeated' | 'device-exists' | 'token-spent';

export interface OfferRecord {
  readonly rollout: string;
  /** The campaign's version. */
  readonly version: string;
  readonly offeredVersion: string;
  readonly place: number;
}

export interface DevicePage {
  /** Ids in order; at most `limit` of them, after the given one. */
  readonly after?: DeviceId | undefined;
  readonly limit: number;
}

export interface DeviceStore {
  enrol(enrolment: Enrolment): Promise<EnrolmentOutcome>;
  findDevice(id: DeviceId): Promise<DeviceRecord | undefined>;
  listDevices(page: DevicePage): Promise<DeviceRecord[]>;
  countDevices(): Promise<number>;
  /** Removes the device with its tokens, reports and attempts, so that it may enrol again; false when unknown. */
  forgetDevice(id: DeviceId): Promise<boolean>;
  /** Refuses the device from now on; false when unknown. */
  revokeDevice(id: DeviceId, at: number): Promise<boolean>;
  recordCheck(id: DeviceId, check: CheckRequest, offer: OfferRecord | undefined, at: number): Promise<void>;
  /**
   * Stores reports, each (device, sequence) once, and brings the attempts they belong to up to date: of several results
   * of one attempt that with the highest sequence holds.
   * @param place of the device in a rollout, for attempts that were never offered from here
   * @returns the highest sequence up to which all are stored
   */
  storeReports(
    id: DeviceId,
    reports: readonly Report[],
    place: (rollout: string) => number | undefined,
    at: number,
  ): Promise<StoredReports>;
  listReports(id: DeviceId, limit: number): Promise<Report[]>;
}

export interface StoredReports {
  readonly acknowledgedThrough: number;
  /** Those that were not there before. */
  readonly fresh: readonly Report[];
}

/** All that the distributor keeps, in one database. */
export interface FleetState extends TokenStore, DeviceStore, CampaignStore {
  /** @throws SlipwayError `database-unavailable` */
  ping(): Promise<void>;
  close(): Promise<void>;
}
