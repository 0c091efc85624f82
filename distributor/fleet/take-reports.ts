/** Takes reports of a device, each once, and lets campaigns know of what they change. */
import type { DeviceId } from '../../contract/device-api/check.ts';
import type { Report } from '../../contract/device-api/report.ts';
import { identityShared } from '../events/audit.ts';
import { isMember } from '../rollout/compiled-plan.ts';
import { type DeviceDesk, recordFallBacks } from './device-desk.ts';
import { sharedIdentity } from './identity/shared-identity.ts';
import type { ReportRules } from './ports.ts';

/**
 * Resolves when an abort that the reports are enough for is in force: before the next check is answered.
 * @param tell told of each report that was not there before, as soon as it is stored
 * @returns what the device may forget
 * @throws SlipwayError `identity-shared`, and what storeReports throws
 */
export async function takeReports(
  desk: DeviceDesk,
  id: DeviceId,
  reports: readonly Report[],
  now: number,
  tell: (report: Report) => void = () => {},
): Promise<number> {
  const { acknowledgedThrough, fresh, fellBack, failed, isForked } = await desk.fleet.storeReports(
    id,
    reports,
    rulesOf(desk),
    now,
  );
  if (isForked) {
    await noteForked(desk, id, now);
    throw sharedIdentity(id);
  }
  for (const report of fresh) tell(report);
  await recordFallBacks(desk, id, fellBack, now);
  await desk.campaigns.noteFailures(failed, now);
  return acknowledgedThrough;
}

/** On record once, until somebody accepts one of the two machines. */
async function noteForked({ fleet, identityShared: count }: DeviceDesk, id: DeviceId, now: number): Promise<void> {
  const watch = (await fleet.findDevice(id))?.watch;
  if (watch?.sharedAt !== undefined) return;
  const unseen = { owner: '', boots: [], refused: [] };
  await fleet.keepWatch(id, { ...unseen, ...watch, sharedAt: now }, identityShared(id, now));
  count();
}

/**
 * A device of another product or group says nothing about a rollout, and nobody moves more bytes than a release can
 * cost.
 */
function rulesOf({ campaigns, releases: known }: DeviceDesk): ReportRules {
  const releases = known();
  const plan = campaigns.compiled;
  return ({ rollout = '', version }, { id, product, platform, labels, givenLabels }) => {
    const declared = plan.find(rollout);
    if (declared && (declared.rollout.product !== product || !isMember(plan, declared, { id, labels, givenLabels })))
      return undefined;
    return { maxBytes: releases.find(product, platform, { release: version })?.maxTransferBytes ?? 0 };
  };
}
