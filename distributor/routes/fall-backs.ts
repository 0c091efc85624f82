/** Records and counts a success that is taken back, whether a report or a check showed it. */
import type { DeviceId } from '../../contract/device-api/check.ts';
import { deviceFellBack } from '../events/audit.ts';
import type { CampaignKey } from '../rollout/campaign.ts';
import type { Services } from '../services.ts';

export async function recordFallBacks(
  { fleet, metrics }: Pick<Services, 'fleet' | 'metrics'>,
  deviceId: DeviceId,
  campaigns: readonly CampaignKey[],
  at: number,
): Promise<void> {
  for (const key of campaigns) {
    await fleet.appendEvent(deviceFellBack(key, deviceId, at));
    metrics.fellBack.inc();
  }
}
