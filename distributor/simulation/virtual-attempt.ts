/** The attempt of one simulated device, as the virtual server keeps it: how it begins and how it ends. */
import { revertedCode } from '../rollout/standing.ts';
import type { CampaignRun } from './campaign-run.ts';
import type { VirtualAttempt, VirtualDevice } from './virtual-device.ts';

export function newVirtualAttempt(device: VirtualDevice, run: CampaignRun, place: number, now: number): VirtualAttempt {
  return {
    rollout: run.name,
    version: run.version,
    deviceId: device.is.id,
    place,
    slice: run.sliceOf(place),
    offeredVersion: run.version,
    offeredAt: undefined,
    foundAt: undefined,
    generation: 0,
    lastSeenAt: now,
    phase: undefined,
    outcome: undefined,
    code: undefined,
    revertedAt: undefined,
    bytesOnWire: undefined,
    fault: undefined,
    settledAt: undefined,
    standing: 'pending',
    mark: undefined,
    hadOutcome: false,
  };
}

/** A release that is bad is at fault itself: simulated devices have no other trouble. */
export function settle(attempt: VirtualAttempt, outcome: VirtualAttempt['outcome'], now: number): void {
  attempt.outcome = outcome;
  attempt.fault = outcome === undefined || outcome === 'committed' ? undefined : 'release';
  attempt.code = attempt.fault && attempt.revertedAt !== undefined ? revertedCode : undefined;
  attempt.settledAt = outcome === undefined ? undefined : now;
}
