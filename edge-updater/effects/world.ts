/** The world is everything that effects act upon, handed in by main.ts. */

import type { DeltaPolicy } from '../../contract/device-api/check.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { BoxData } from '../adoption/box-data.ts';
import type { ClusterDatastore } from '../adoption/cluster-datastore.ts';
import type { Payloads } from '../adoption/payloads.ts';
import type { BoxReader } from '../box/box-machine.ts';
import type { DownloadPolicy } from '../download/download-blob.ts';
import type {
  BlobSource,
  Clock,
  DeltaApplier,
  DiskSpace,
  DownloadStore,
  HealthProbe,
  Heartbeat,
  Narrator,
  ServiceManager,
  SlotStore,
} from '../ports.ts';
import type { HealthPolicy } from '../update/probation.ts';
import type { Rooms } from '../update/room.ts';
import type { Preflight } from './require-fit-box.ts';

export interface World {
  readonly downloads: DownloadStore;
  readonly slots: SlotStore;
  readonly disk: DiskSpace;
  readonly blobs: BlobSource;
  readonly deltas: DeltaApplier;
  readonly service: ServiceManager;
  readonly health: HealthProbe;
  readonly clock: Clock;
  readonly narrator: Narrator;
  readonly heartbeat?: Heartbeat;
  /** Absent where no K3s or K0s is looked for. */
  readonly box?: BoxReader | undefined;
  /** Of an adopted box; absent where there is none. */
  readonly data?: BoxData | undefined;
  /** Of an adopted box whose datastore is the cluster's; absent where it is the box's own. */
  readonly cluster?: ClusterDatastore | undefined;
  /** Of an adopted K3s. */
  readonly payloads?: Payloads | undefined;
  /** Why the unit of an adopted box does not start what `current` names; undefined where it does. */
  readonly whyNotOurs?: (() => string | undefined) | undefined;
  /** Of the boot of this machine; undefined where no box is adopted. */
  readonly bootId?: string | undefined;
  /** Absent where no K3s or K0s is looked for. */
  readonly preflight?: Preflight | undefined;
  readonly policy: UpdatePolicy;
}

export interface UpdatePolicy {
  readonly download: DownloadPolicy;
  readonly maxBytesPerUpdate: number | undefined;
  readonly allowFullAfterDeltaFailure: boolean;
  readonly delta: DeltaPolicy;
  readonly health: HealthPolicy;
  readonly healthIntervalSeconds: number;
  /** Between two times that the running release is read. */
  readonly verifyIntervalSeconds: number;
  /** Between two polls, as configured. */
  readonly pollSeconds: number;
  /** Codes of objections that the operator takes upon himself. */
  readonly ignoredObjections?: readonly ErrorCode[];
}

export function roomsOf({ disk }: Pick<World, 'disk'>): Rooms {
  const [slots, downloads] = [disk.room('slots'), disk.room('downloads')];
  return { slots, downloads, journal: disk.room('journal'), metadata: disk.room('metadata') };
}
