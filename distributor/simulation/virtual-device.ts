/**
 * Describes one simulated device: what it is, what is true of it, and what the server knows of it. Its behaviour is in
 * behaviour.ts.
 */
import type { CheckRequest, DevicePhase, InstalledRelease, Labels } from '../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../contract/device-api/report.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Release } from '../catalog/releases.ts';
import type { Location } from '../fleet/location.ts';
import type { CampaignAttempt } from '../rollout/campaign.ts';
import type { OpenInterval } from '../rollout/decision.ts';
import type { Mark, Standing } from '../rollout/standing.ts';
import type { CampaignRun } from './campaign-run.ts';

/** `falls-silent`: after its first offer, for days or for ever. */
export type Reach = 'always' | 'never' | 'falls-silent';

/** How a virtual device begins. */
interface Beginning {
  readonly id: string;
  readonly product: string;
  readonly platform: Platform;
  /** Effective. */
  readonly labels: Labels;
  readonly location: Location;
  /** As a neighbour of others. */
  readonly vouched: Location;
  readonly enrolledAt: number;
  readonly current: InstalledRelease;
  readonly reach: Reach;
  /** Of a download of the assumed size. */
  readonly downloadMs: number;
  /** From the switch to the commit. */
  readonly updateMs: number;
}

/** What a device does next by itself. */
export type DeviceStep =
  | 'downloaded'
  /** The window opens to a device that has lost the server. */
  | 'window-opens'
  | 'proved'
  | 'failed'
  | 'restored'
  | 'fell-back'
  | 'went-back';

/** A release that the device was told to install. */
interface Order {
  readonly rollout: string;
  readonly release: Release;
  readonly goal: Release;
  window: OpenInterval | undefined;
}

export interface VirtualReport {
  readonly rollout: string;
  readonly version: Version;
  readonly phase: DevicePhase;
  readonly outcome: UpdateOutcome | undefined;
  readonly bytesOnWire: number | undefined;
}

/** An attempt as the server has it; `slice` is its wave's, `standing` and `mark` as counted last. */
export type VirtualAttempt = { -readonly [K in keyof CampaignAttempt]: CampaignAttempt[K] } & {
  slice: number;
  standing: Standing;
  mark: Mark | undefined;
  hadOutcome: boolean;
};

export class VirtualDevice {
  readonly index: number;
  readonly is: Beginning;
  /** Vouched to be of its site or cluster; filled in when all devices are there. */
  neighbours: readonly VirtualDevice[] = [];
  /** Several rollouts are for it: what one says may hide what another would. */
  isContested = false;

  /** As it says in its next check. */
  check: CheckRequest;
  previous: InstalledRelease | undefined;
  order: Order | undefined;
  /** What an earlier order downloaded. */
  downloaded: Version | undefined;
  wasOffered = false;
  /** The rollout whose release it runs. */
  countedIn: CampaignRun | undefined;
  /** Out of reach until then. */
  silentUntil = 0;
  readonly outbox: VirtualReport[] = [];

  /** Infinity where nothing is due; an event at another time is out of date. */
  pollAt = Number.POSITIVE_INFINITY;
  stepAt = Number.POSITIVE_INFINITY;
  timeoutAt = Number.POSITIVE_INFINITY;
  step: DeviceStep = 'downloaded';
  /** Its checks up to the next campaign transition, or to this time, would have the answer it has. */
  parkedUntil: number | undefined;

  /** What the server knows. */
  readonly attempts: VirtualAttempt[] = [];
  knownCurrent: Version | undefined;
  /** By its checks. */
  knownPhase: DevicePhase = 'idle';
  lastSeenAt: number | undefined;

  constructor(index: number, beginning: Beginning, start: number) {
    this.index = index;
    this.is = beginning;
    const { product, platform, current, labels } = beginning;
    this.check = {
      schemaVersion: 1,
      updaterVersion: '1.0.0',
      product,
      platform,
      current,
      counterFloor: current.counter,
      phase: 'idle',
      rejected: [],
      labels,
    };
    this.knownCurrent = current.version;
    this.lastSeenAt = beginning.reach === 'never' ? undefined : start;
  }

  get phase(): DevicePhase {
    return this.check.phase;
  }

  set phase(phase: DevicePhase) {
    this.check = { ...this.check, phase };
  }
}
