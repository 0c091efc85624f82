/**
 * Finds what a check shows about campaigns, whatever is decided: the device runs a campaign's release although no
 * report says that the campaign brought it, or it no longer runs the one that it was counted for. It finds only news: a
 * check that repeats what is known finds nothing.
 */
import { attemptAt, type CampaignAttempt, type CampaignKey, committedAt, hasFailed } from '../campaign.ts';
import { openWaveOf } from '../cohort.ts';
import type { Ranked } from '../compiled-plan.ts';
import { placeOf } from '../placement.ts';
import type { DecideInput } from './decide-input.ts';
import { isSettled } from './settled-phases.ts';

export type Finding = CampaignKey &
  (
    | {
        /** Counts as committed from now on, in the wave of its place. */
        readonly kind: 'runs';
        /** In [0, 1). */
        readonly place: number;
        /** The campaign's. */
        readonly generation: number;
        /** Its last try ended otherwise: held, or failed in an earlier generation; that is forgotten. */
        readonly isRetry: boolean;
      }
    /** It runs something older, or another build of the version: it counts as a device without a result. */
    | { readonly kind: 'left' }
    /** It says that the release failed on it: it counts as failed, as one that reports so. */
    | { readonly kind: 'fell-back' }
  );

/** Of every rollout in force that is for the device, also of those that another one outranks. */
export function findingsOf(input: DecideInput): Finding[] {
  const { check } = input.device;
  if (!isSettled(check.phase)) return [];
  const findings: Finding[] = [];
  for (const ranked of input.plan.ranked(input.releases, check.product, check.platform)) {
    const finding = findingOf(input, ranked);
    if (finding) findings.push(finding);
  }
  return findings;
}

function findingOf(input: DecideInput, ranked: Ranked): Finding | undefined {
  const { current, rejected } = input.device.check;
  const { rollout, goal } = ranked;
  if (!goal) return undefined;
  const key: CampaignKey = { rollout: rollout.name, version: goal.version };
  const attempt = attemptAt(input.attempts, key);
  const isRejected = rejected.includes(goal.manifestSha256);
  if (current?.manifestSha256 === goal.manifestSha256) {
    return isRejected ? undefined : runningOf(input, ranked, key, attempt);
  }
  if (attempt === undefined || committedAt(attempt) === undefined) return undefined;
  // A device that went on to a newer release had committed this one.
  if (ranked.wayFrom(current?.version).order > 0) return undefined;
  return { ...key, kind: isRejected ? 'fell-back' : 'left' };
}

/** The digest decides, not the version: another build of it is another release. */
function runningOf(
  { device, campaign: campaignOf }: DecideInput,
  { rollout, includes }: Ranked,
  key: CampaignKey,
  attempt: CampaignAttempt | undefined,
): Finding | undefined {
  if (attempt && committedAt(attempt) !== undefined) return undefined;
  const isFailed = attempt !== undefined && hasFailed(attempt);
  const campaign = campaignOf(key.rollout, key.version);
  if (!campaign || campaign.status === 'aborted' || rollout.aborted) return undefined;
  // A failure that was reported stands, until somebody asks for another try.
  if (isFailed && campaign.generation <= attempt.generation) return undefined;
  if (!includes(device.labels)) return undefined;
  const isRetry = attempt?.outcome !== undefined;
  const place = placeOf(key.rollout, device.id);
  if (openWaveOf(place, device.enrolledAt, campaign.openedWaves) === undefined) return undefined;
  return { ...key, kind: 'runs', place, generation: campaign.generation, isRetry };
}
