/**
 * Lists what serving devices needs: the state of the fleet, the campaigns, the plan and the releases. The routes of the
 * server make one, and so does a simulation.
 */
import type { ReleaseIndex } from '../catalog/releases.ts';
import { deviceFellBack } from '../events/audit.ts';
import type { EventStore } from '../events/ports.ts';
import type { Reconciler } from '../reconcile/reconcile.ts';
import type { CampaignKey } from '../rollout/campaign.ts';
import type { Campaigns } from '../rollout/campaigns/campaigns.ts';
import type { GivenLabels } from './labels/given-labels.ts';
import type { DeviceStore } from './ports.ts';

export interface DeviceDesk {
  readonly fleet: Pick<DeviceStore, 'answerCheck' | 'findDevice' | 'keepWatch' | 'storeReports'> &
    Pick<EventStore, 'appendEvent'>;
  readonly campaigns: Pick<Campaigns, 'compiled' | 'noteFailures'>;
  readonly reconciler: Pick<Reconciler, 'applied' | 'catchUp'>;
  readonly givenLabels: GivenLabels;
  readonly releases: () => ReleaseIndex;
  /** Whether an abort can send devices back where its rollout says so. */
  readonly canRevert: boolean;
  /** Told of each success that is taken back. */
  readonly fellBack: () => void;
  /** Told when two machines are found to ask as one device. */
  readonly identityShared: () => void;
}

/** Records and counts successes that are taken back, whether a report or a check showed it. */
export async function recordFallBacks(
  { fleet, fellBack }: Pick<DeviceDesk, 'fleet' | 'fellBack'>,
  deviceId: string,
  campaigns: readonly CampaignKey[],
  at: number,
): Promise<void> {
  for (const key of campaigns) {
    await fleet.appendEvent(deviceFellBack(key, deviceId, at));
    fellBack();
  }
}
