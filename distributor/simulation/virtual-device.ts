/** Describes one simulated device: what it is, what is true of it, and what it says. Its behaviour is in behaviour.ts. */
import type { CheckRequest, DevicePhase, InstalledRelease, Labels } from '../../contract/device-api/check.ts';
import type { Report, UpdateOutcome } from '../../contract/device-api/report.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Release } from '../catalog/releases.ts';
import type { Location } from '../fleet/location.ts';
import type { OpenInterval } from '../rollout/decision.ts';
import type { QueuedKind } from './event-queue.ts';
import type { RolloutRun } from './rollout-run.ts';

/** `falls-silent`: after its first offer, for days or for ever. */
export type Reach = 'always' | 'never' | 'falls-silent';

/** How a virtual device begins. */
interface Beginning {
  readonly id: string;
  readonly product: string;
  readonly platform: Platform;
  /** Effective; its own are in its check. */
  readonly labels: Labels;
  /** Those of them that its token or the server gave it. */
  readonly givenLabels: Labels;
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

/** Puts what a device will do on the virtual clock. */
export type Schedule = (device: VirtualDevice, kind: QueuedKind, at: number) => void;

/** A release that the device was told to install. */
interface Order {
  readonly rollout: string;
  readonly release: Release;
  readonly goal: Release;
  window: OpenInterval | undefined;
}

export interface VirtualReport {
  readonly sequence: number;
  /** Names the try. */
  readonly attempt: string;
  readonly rollout: string;
  readonly version: Version;
  readonly phase: DevicePhase;
  readonly outcome: UpdateOutcome | undefined;
  readonly code: string | undefined;
  readonly bytesOnWire: number | undefined;
}

/** @param at milliseconds since 1970; the clocks of simulated devices are right */
export function simulatedReport({ outcome, code, bytesOnWire, ...said }: VirtualReport, at: number): Report {
  return {
    ...said,
    at: new Date(at).toISOString(),
    ...(outcome === undefined ? {} : { outcome }),
    ...(code === undefined ? {} : { code }),
    ...(bytesOnWire === undefined ? {} : { transfer: { bytesOnWire, fullBytes: bytesOnWire, resumedFrom: 0 } }),
  };
}

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
  countedIn: RolloutRun | undefined;
  /** Out of reach until then. */
  silentUntil = 0;
  /** What it said while it was out of reach. */
  readonly outbox: VirtualReport[] = [];
  /** What the server hears now. */
  readonly saying: VirtualReport[] = [];
  /** Reports so far. */
  reports = 0;
  /** Downloads begun so far. */
  tries = 0;
  /** That the try under way moves. */
  tryBytes = 0;

  /** Infinity where nothing is due; an event at another time is out of date. */
  pollAt = Number.POSITIVE_INFINITY;
  stepAt = Number.POSITIVE_INFINITY;
  step: DeviceStep = 'downloaded';
  /** Its checks up to the next campaign transition, or to this time, would have the answer it has. */
  parkedUntil: number | undefined;

  /** @param labels its own */
  constructor(index: number, beginning: Beginning, labels: Labels) {
    this.index = index;
    this.is = beginning;
    const { product, platform, current } = beginning;
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
  }

  get phase(): DevicePhase {
    return this.check.phase;
  }

  set phase(phase: DevicePhase) {
    this.check = { ...this.check, phase };
  }
}
