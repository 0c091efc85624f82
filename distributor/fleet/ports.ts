/**
 * Declares what the distributor keeps of tokens and devices. Every method is atomic; a lost database is
 * `database-unavailable`. Where a method takes an event, it is in the audit log when the act was done, and neither is
 * there without the other.
 */
import type { ToldBox } from '../../contract/device-api/box.ts';
import type {
  CheckRequest,
  DeviceId,
  DevicePhase,
  InstalledRelease,
  Labels,
  Trouble,
} from '../../contract/device-api/check.ts';
import type { TokenPurpose } from '../../contract/device-api/enrolment.ts';
import type { Report } from '../../contract/device-api/report.ts';
import type { Digest } from '../../contract/digest.ts';
import type { Fault } from '../../contract/errors.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { AuditEvent, EventStore } from '../events/ports.ts';
import type { PlanStore } from '../reconcile/ports.ts';
import type { CampaignAttempt, CampaignKey } from '../rollout/campaign.ts';
import type { CampaignStore } from '../rollout/campaigns/ports.ts';
import type { CampaignLookup, Peer, Spending } from '../rollout/deciding/decide-input.ts';
import type { Finding } from '../rollout/deciding/findings.ts';
import type { Decision } from '../rollout/decision.ts';
import type { FleetReach } from './access/reach.ts';
import type { Scope } from './access/scopes.ts';
import type { DevicePage, Member } from './device-page.ts';
import type { DeviceStatus, EnrolmentBounds, IdentityStore, LinkStore } from './identity/identity-ports.ts';
import type { MachineWatch, Watched } from './identity/machine-watch.ts';
import type { Location, Role } from './location.ts';

/** Times are milliseconds since 1970. */
export interface TokenRecord {
  /** Public name of the token, for lists and revocation. */
  readonly id: string;
  /** SHA-256 of the token's text; the text itself is nowhere. */
  readonly hash: Digest;
  /** What its owner calls it; undefined for none. */
  readonly name: string | undefined;
  readonly purpose: TokenPurpose;
  readonly scopes: readonly Scope[];
  /** Where its scopes hold. */
  readonly reach: FleetReach;
  /** The device that a `device` token belongs to. */
  readonly deviceId: DeviceId | undefined;
  readonly createdAt: number;
  /** Who made it, as in the audit log; undefined where that was not kept. */
  readonly createdBy: string | undefined;
  readonly expiresAt: number | undefined;
  /** Enrolments left; undefined where uses are not counted. */
  readonly usesLeft: number | undefined;
  /** What an `enrol` token says of the devices that it lets in. */
  readonly bound: EnrolmentBounds;
  readonly revokedAt: number | undefined;
  /** About a minute exact; of a device's token when the device was last seen. */
  readonly lastUsedAt: number | undefined;
}

export interface TokenPage {
  /** The last one of the page before. */
  readonly after?: Pick<TokenRecord, 'id' | 'createdAt'> | undefined;
  readonly purpose?: TokenPurpose | undefined;
  readonly limit: number;
}

export interface TokenStore {
  saveToken(token: TokenRecord, event?: AuditEvent): Promise<void>;
  /** Asked of the database each time, so that a token revoked by anybody is refused by the next request to anybody. */
  findToken(hash: Digest): Promise<TokenRecord | undefined>;
  tokenOfId(id: string): Promise<TokenRecord | undefined>;
  /** Oldest first. */
  listTokens(page: TokenPage): Promise<TokenRecord[]>;
  /** When tokens were used, by their ids; a use that is older than the one known changes nothing. */
  recordTokenUse(uses: ReadonlyMap<string, number>): Promise<void>;
  /** False when no token has this id. */
  revokeToken(id: string, at: number, event?: AuditEvent): Promise<boolean>;
}

export interface DeviceRecord {
  readonly id: DeviceId;
  readonly product: string;
  readonly platform: Platform;
  /** As the device says, without those given by rule. */
  readonly labels: Labels;
  /** Given with its token or by the server; they win over its own. */
  readonly givenLabels: Labels;
  readonly status: DeviceStatus;
  /** Its ed25519 key, base64url; undefined for one that has a long bearer alone. */
  readonly publicKey: string | undefined;
  readonly enrolledAt: number;
  /** Where it counted as a neighbour of others at its last check; see vouchedLocation. */
  readonly site: string | undefined;
  readonly cluster: string | undefined;
  readonly role: Role;
  readonly lastSeenAt: number | undefined;
  readonly updaterVersion: string | undefined;
  readonly current: InstalledRelease | undefined;
  readonly counterFloor: number;
  readonly phase: DevicePhase | undefined;
  /** Manifests that failed on it, as it said last. */
  readonly rejected: readonly Digest[];
  /** Every report up to this sequence is stored, or was given up by the device. */
  readonly acknowledgedThrough: number;
  /** In its way at its last check, as it said, the worst first; undefined where its updater does not tell. */
  readonly troubles: readonly Trouble[] | undefined;
  /** Which machines asked as this device; undefined where its updater does not tell. */
  readonly watch: MachineWatch | undefined;
  /** Its K3s or K0s at its last check; undefined where it does not tell. */
  readonly box: ToldBox | undefined;
}

/** A device with what operators ask for beside it. */
export interface DeviceProfile extends DeviceRecord {
  /** The one with the highest sequence, as the device told it; undefined before the first. */
  readonly lastReport: Report | undefined;
  /** The campaign that it was offered a release of last; undefined before the first offer. */
  readonly lastOffer: CampaignKey | undefined;
}

/** How many accepted devices told of a trouble in their last check. */
export interface TroubleCount {
  readonly code: string;
  /** As the devices said. */
  readonly fault: Fault;
  readonly devices: number;
}

export interface Enrolment {
  readonly device: Pick<DeviceRecord, 'id' | 'product' | 'platform' | 'labels' | 'givenLabels'>;
  readonly status: 'accepted' | 'pending';
  /** Undefined from an updater that has none. */
  readonly publicKey: string | undefined;
  readonly enrolmentTokenId: string;
  readonly deviceToken: TokenRecord;
  readonly at: number;
}

/**
 * `enrolled`: one use of the token is spent · `repeated`: the same token enrolled this device before and the device
 * has not been seen since (its answer was lost), so its token is replaced and no use is spent.
 */
export type EnrolmentOutcome = 'enrolled' | 'repeated' | 'device-exists' | 'token-spent';

/** The period of one campaign's budget. */
interface BudgetPeriod extends CampaignKey {
  readonly perSeconds: number;
}

/** What deciding about one device will ask for. */
export interface FactsQuestion {
  readonly deviceId: DeviceId;
  /** By its effective labels. */
  readonly site: string | undefined;
  readonly cluster: string | undefined;
  /** False spares reading the devices of its site and cluster. */
  readonly wantsPeers: boolean;
  /** An open attempt keeps a peer busy for so long after its offer, a phase in the middle after it was heard. */
  readonly peerTimeoutSeconds: number;
  /** Of every campaign whose spending may be asked for; of others there is none. */
  readonly budgets: readonly BudgetPeriod[];
  readonly at: number;
}

/** What a device shows for itself. */
export interface Bearer {
  readonly tokenHash: Digest | undefined;
  /** Synchronous and pure. @throws what the check fails with */
  admit(token: TokenRecord | undefined, status: DeviceRecord['status'] | undefined): void;
}

export interface CheckArrival extends FactsQuestion {
  readonly check: CheckRequest;
  /** Where others find the device from now on; see vouchedLocation. */
  readonly vouched: Location;
  /** Looked up and asked first of all, in the same step; undefined where the device is known to be itself. */
  readonly bearer?: Bearer;
}

export interface CheckFacts {
  /** As it was before this check. */
  readonly device: DeviceRecord;
  readonly attempts: readonly CampaignAttempt[];
  /** Accepted devices that are vouched to be of its site or cluster, without itself; none unless asked for. */
  readonly peers: readonly Peer[];
  readonly campaign: CampaignLookup;
  readonly spending: (key: CampaignKey) => Spending | undefined;
  /** `contentSha256` of the plan in force in the database; undefined before the first. */
  readonly planSha256: Digest | undefined;
}

export interface DeviceStore extends IdentityStore {
  /** @param event of a device that was not there before */
  enrol(enrolment: Enrolment, event?: AuditEvent): Promise<EnrolmentOutcome>;
  findDevice(id: DeviceId): Promise<DeviceRecord | undefined>;
  findProfile(id: DeviceId): Promise<DeviceProfile | undefined>;
  listDevices(page: DevicePage): Promise<DeviceProfile[]>;
  countDevices(): Promise<number>;
  /** One entry for each code and fault. */
  countTroubles(): Promise<TroubleCount[]>;
  /** Accepted devices of a product. @param saying only those that say a label of this name, and maybe a few more */
  membersOf(product: string, page: DevicePage, saying?: string): Promise<Member[]>;
  /** Removes the device with its tokens, reports and attempts, so that it may enrol again; false when unknown. */
  forgetDevice(id: DeviceId, event?: AuditEvent): Promise<boolean>;
  /** Refuses the device from now on; false when unknown. */
  revokeDevice(id: DeviceId, at: number, event?: AuditEvent): Promise<boolean>;

  /**
   * One step: reads what deciding needs, lets `judge` decide, records the check, the offer or the way back, and what
   * `find` finds: once, however often and by however many replicas it is found. No other check of the same site or
   * cluster comes in between, and every transition that was acknowledged before is seen. Many are committed together;
   * it resolves when what it recorded is durable.
   * @param judge synchronous and pure: where a commit fails it is asked again; what it throws fails this check alone.
   *   Undefined: it may not decide by these facts, and nothing is recorded
   * @param find like `judge`; see findingsOf
   * @throws SlipwayError `device-unknown`, and those of requireAccepted
   */
  answerCheck<Judged extends Decision | undefined>(
    arrival: CheckArrival,
    judge: (facts: CheckFacts, watched: Watched) => Judged,
    find?: (facts: CheckFacts) => readonly Finding[],
  ): Promise<Judged>;
  /** What `judge` would be given now; undefined when the device is unknown. */
  readFacts(question: FactsQuestion): Promise<CheckFacts | undefined>;

  /**
   * Stores reports, each (device, sequence) once, and brings the attempts they belong to up to date: of several results
   * of one attempt that with the highest sequence holds. Many are committed together; resolves when all is durable.
   * A report changes an attempt only where the device was offered it.
   * @param rules synchronous and pure
   * @throws SlipwayError `device-unknown`, and those of requireAccepted
   */
  storeReports(id: DeviceId, reports: readonly Report[], rules: ReportRules, at: number): Promise<StoredReports>;
  /** The last ones that are kept, newest first. */
  listReports(id: DeviceId, limit: number): Promise<Report[]>;
}

export interface StoredReports {
  /** Every report up to this sequence is stored, or was given up by the device. */
  readonly acknowledgedThrough: number;
  /** Those that were not there before. */
  readonly fresh: readonly Report[];
  /** Campaigns that counted the device as a success before these reports, and do not any more. */
  readonly fellBack: readonly CampaignKey[];
  /** Campaigns that the device failed with these reports, and had not failed before. */
  readonly failed: readonly CampaignKey[];
  /** Another machine used a sequence of these before; then nothing was stored. See hasForked. */
  readonly isForked: boolean;
}

/** What a report may change of the campaign it names; undefined for nothing, because that is not for this device. */
export type ReportRules = (
  report: Report,
  device: Pick<DeviceRecord, 'id' | 'product' | 'platform' | 'labels' | 'givenLabels'>,
) => { readonly maxBytes: number } | undefined;

export interface KeptReports {
  /** Of each device, those with the highest sequences. */
  readonly keptReports?: number;
}

/** What a program opens the state for. */
export interface StateUse extends KeptReports {
  /** Only a server makes a state where there is none; of a folder it is the only one. */
  readonly isServer: boolean;
}

/** What is kept for how long; see FleetState.prune. */
export interface Retention {
  /** Applied plans with all they say; of older ones the revision, author and diff stay for as long as events do. */
  readonly plans: number;
  /**
   * Attempts of completed and aborted campaigns that changed last before so long ago. Those of the newest campaign of
   * each rollout in force stay: its devices are counted and judged as long as it is declared.
   */
  readonly attemptDays: number;
  readonly eventDays: number;
}

interface Pruned {
  readonly plans: number;
  readonly attempts: number;
  readonly events: number;
}

/** All that the distributor keeps, in one database. */
export interface FleetState extends TokenStore, DeviceStore, CampaignStore, PlanStore, EventStore, LinkStore {
  /** For logs and messages, without credentials. */
  readonly location: string;
  /** Removes what is older than asked, in small steps. */
  prune(retention: Retention, now: number): Promise<Pruned>;
  /**
   * Whether it can be read, and whether what is written now would last. @throws SlipwayError `database-unavailable`,
   * `disk-full`
   */
  ping(): Promise<void>;
  close(): Promise<void>;
}
