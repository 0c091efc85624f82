/** Devices are read page by page: which page, and as much of a device as rollouts look at in all of them. */
import type { DeviceId, Labels } from '../../contract/device-api/check.ts';
import type { Version } from '../../contract/release/version.ts';

export interface DevicePage {
  /** Ids in order; at most `limit` of them, after the given one. */
  readonly after?: DeviceId | undefined;
  readonly limit: number;
}

/** As much of an accepted device as drawing the bound of a wave needs, and knowing who waits for whom. */
export interface Member {
  readonly id: DeviceId;
  /** As the device says, without those given by rule. */
  readonly labels: Labels;
  /** Given with its token or by the server. */
  readonly givenLabels: Labels;
  readonly enrolledAt: number;
  /** As it said last. */
  readonly current: Version | undefined;
}
