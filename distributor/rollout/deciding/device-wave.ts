/**
 * Finds the wave that a device is in: of the rollout that decides about it now, or else of the one that offered it
 * something last.
 */

import type { Labels } from '../../../contract/device-api/check.ts';
import type { ReleaseIndex } from '../../catalog/releases.ts';
import type { DeviceRecord } from '../../fleet/ports.ts';
import type { CampaignKey, CampaignState } from '../campaign.ts';
import { openWaveOf } from '../cohort.ts';
import type { CompiledPlan } from '../compiled-plan.ts';
import { placeOf } from '../placement.ts';
import type { CampaignLookup } from './decide-input.ts';

interface DeviceWave {
  readonly rollout: string;
  /** The first open wave that covers the device; absent while none does. */
  readonly name?: string | undefined;
}

interface WaveInput {
  readonly plan: CompiledPlan;
  readonly releases: ReleaseIndex;
  readonly campaign: CampaignLookup;
}

type PlacedDevice = Pick<DeviceRecord, 'id' | 'product' | 'platform' | 'enrolledAt' | 'current'> & {
  readonly lastOffer: CampaignKey | undefined;
};

/** @param labels effective */
export function waveOfDevice(input: WaveInput, device: PlacedDevice, labels: Labels): DeviceWave | undefined {
  const key = claimOf(input, device, labels) ?? device.lastOffer;
  if (!key) return undefined;
  const opened = input.campaign(key.rollout, key.version)?.openedWaves ?? [];
  const index = openWaveOf(placeOf(key.rollout, device.id), device.enrolledAt, opened);
  const name = index === undefined ? undefined : opened[index]?.name;
  return { rollout: key.rollout, name };
}

/** In the order of their claims: the first that brings the device something newer, else the first that it is done with. */
function claimOf(
  { plan, releases, campaign }: WaveInput,
  device: PlacedDevice,
  labels: Labels,
): CampaignKey | undefined {
  let done: CampaignKey | undefined;
  for (const { rollout, goal, includes, wayFrom } of plan.ranked(releases, device.product, device.platform)) {
    if (!goal || rollout.aborted || !includes(labels)) continue;
    const key = { rollout: rollout.name, version: goal.version };
    if (isAborted(campaign(key.rollout, key.version))) continue;
    const { order } = wayFrom(device.current?.version);
    if (order < 0) return key;
    if (order === 0) done ??= key;
  }
  return done;
}

function isAborted(campaign: CampaignState | undefined): boolean {
  return campaign?.status === 'aborted';
}
