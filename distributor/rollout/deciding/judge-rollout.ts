/**
 * Judges what one rollout says about one device: the checks in their order, each with the facts that decided it. It
 * knows nothing of other rollouts; see decide.
 */
import type { CheckRequest } from '../../../contract/device-api/check.ts';
import type { DecisionReason } from '../../../contract/device-api/reasons.ts';
import { type Installer, mayInstall } from '../../../contract/release/acceptance.ts';
import type { Release } from '../../catalog/releases.ts';
import type { Location } from '../../fleet/location.ts';
import { attemptAt, type CampaignAttempt, type CampaignState, hasFailed, isHeld } from '../campaign.ts';
import { openWaveOf } from '../cohort.ts';
import type { Ranked } from '../compiled-plan.ts';
import type { Decision, DecisionFacts, OpenInterval } from '../decision.ts';
import { type Hop, nextHop } from '../path.ts';
import { placeOf } from '../placement.ts';
import { revertedCode, standingOf } from '../standing.ts';
import { shutUntil } from '../windows.ts';
import { overBudget } from './budget.ts';
import type { DecideInput } from './decide-input.ts';
import { type Hold, holdOf } from './precedence.ts';

/** A device that refuses a release for something that is not its fault is told to try again so long after it failed. */
const retryRefusedAfterMs = 24 * 3_600_000;

/** `holds`: the rollout claims the device and keeps lower priorities away from it. */
export interface RolloutVerdict {
  readonly decision: Decision;
  readonly holds: boolean;
}

export function judgeRollout(input: DecideInput, ranked: Ranked, location: Location): RolloutVerdict {
  const { check, labels } = input.device;
  const { rollout, goal } = ranked;
  if (!ranked.includes(labels)) return released('not-in-group', { rollout: rollout.name, group: rollout.group ?? '' });
  if (!goal) return released('release-unknown', { rollout: rollout.name, ...rollout.target, platform: check.platform });

  const facts: DecisionFacts = { rollout: rollout.name, version: goal.version };
  const campaign = input.campaign(rollout.name, goal.version);
  const attempt = attemptAt(input.attempts, { rollout: rollout.name, version: goal.version });
  const isAborted = rollout.aborted || campaign?.status === 'aborted';
  const { current } = check;
  const { order, hop: freeHop } = ranked.wayFrom(current?.version);
  if (order === 0) {
    if (isAborted && isToGoBack(input, ranked, goal, attempt)) {
      const more = { why: campaign?.reason ?? 'The declaration says aborted.' };
      const decision = {
        kind: 'revert',
        reason: 'revert-on-abort',
        rollout,
        goal,
        facts: { ...facts, ...more },
      } as const;
      return { decision, holds: true };
    }
    return released('up-to-date', facts);
  }
  if (current && (order > 0 || current.counter > goal.counter)) {
    return released('newer-than-rollout', { ...facts, current: current.version });
  }
  if (isAborted) return released('rollout-aborted', campaign ? { ...facts, why: campaign.reason } : facts);

  const hop = isFree(check, freeHop) ? freeHop : hopAround(input, ranked, goal, campaign, attempt);
  if (!hop || hop.kind === 'missing') {
    const because = hop?.because ?? 'goal';
    return released('path-missing', { ...facts, current: current?.version ?? '', needed: hop?.needed ?? '', because });
  }
  const { release } = hop;
  const isFailed = failedBefore(input, release, attempt);
  const isRetry = isFailed && mayRetry(input, campaign, attempt);
  if (isFailed && !isRetry) return released('release-failed-here', { ...facts, offered: release.version });
  const refusal = mayInstall(release, installerOf(input, release));
  if (refusal?.rule === 'counter') {
    return released('counter-below', { ...facts, counter: release.counter, counterFloor: check.counterFloor });
  }
  if (rollout.paused) return held('rollout-paused', { ...facts, why: 'The declaration says paused.' });
  if (campaign?.status === 'paused') {
    const reason = campaign.stalledAt === undefined ? 'rollout-paused' : 'rollout-stalled';
    return held(reason, { ...facts, why: campaign.reason });
  }
  const opened = campaign?.openedWaves ?? [];
  if (opened.length === 0 && rollout.after.length > 0) {
    return released('waiting-for-rollout', { ...facts, after: rollout.after.join(', ') });
  }
  if (rollout.deadline !== undefined && input.now >= rollout.deadline) {
    return released('deadline-passed', { ...facts, deadline: instant(rollout.deadline) });
  }

  const place = placeOf(rollout.name, input.device.id);
  const index = openWaveOf(place, input.device.enrolledAt, opened);
  const placing = { ...facts, placePercent: percentOf(place), openPercent: percentOf(opened.at(-1)?.upTo ?? 0) };
  const wave = index === undefined ? undefined : opened[index];
  if (!wave)
    return held('wave-not-open', { ...placing, openWaves: opened.length }, soakEnd(ranked, campaign, input.now));
  if (refusal?.rule === 'updater') {
    return held('updater-too-old', { ...facts, updater: check.updaterVersion, needed: refusal.needed });
  }
  const window = ranked.windows?.at(input.now);
  const shut = window && shutUntil(window, rollout.downloadAheadSeconds, input.now);
  if (shut) {
    const next = window.interval && !window.isOpen ? { opensAt: instant(window.interval.opensAt) } : {};
    return held('outside-window', { ...facts, wave: wave.name, ...next }, shut.until);
  }
  const hold = holdOf({
    product: rollout.product,
    location,
    peers: input.peers,
    concurrency: rollout.concurrency,
    goal: goal.version,
    peerTimeoutSeconds: Math.max(rollout.deviceTimeoutSeconds, 3 * (input.plan.fleet.pollSeconds ?? 0)),
    now: input.now,
  });
  if (hold) {
    const later = laterServer(rollout.name, hold, opened.at(-1)?.upTo ?? 0);
    return held(hold.reason, { ...facts, wave: wave.name, ...hold.facts, ...later });
  }
  const spent = isUnderWay(attempt, input.now, rollout.deviceTimeoutSeconds)
    ? undefined
    : overBudget(rollout.budget, rollout.budget && input.spending({ rollout: rollout.name, version: goal.version }));
  if (spent) return held('budget-spent', { ...facts, wave: wave.name, ...spent });

  const reason = ({ goal: 'rollout-open', floor: 'floor-first', skew: 'skew-first' } as const)[hop.because];
  return {
    decision: {
      kind: 'update',
      reason,
      rollout,
      wave: wave.name,
      place,
      goal,
      release,
      generation: campaign?.generation ?? 0,
      isRetry,
      window: window?.interval,
      facts: { ...placing, wave: wave.name, offered: release.version, ...windowFacts(window?.interval) },
    },
    holds: true,
  };
}

/**
 * A device that this campaign brought to the release and that still runs it. It is told once; again only when it was
 * silent about it for as long as an attempt may take, because an answer may be lost.
 */
function isToGoBack(
  { device, now }: DecideInput,
  { rollout }: Ranked,
  goal: Release,
  attempt?: CampaignAttempt,
): boolean {
  if (!rollout.abort.revert || !attempt || device.check.current?.manifestSha256 !== goal.manifestSha256) return false;
  const { outcome, offeredAt, revertedAt } = attempt;
  if (offeredAt === undefined) return false;
  if (outcome !== undefined && outcome !== 'committed') return false;
  return revertedAt === undefined || now >= revertedAt + rollout.deviceTimeoutSeconds * 1000;
}

/** A server that the device waits for, where no open wave reaches its place: then nothing happens before one does. */
function laterServer(rollout: string, { servers = [] }: Hold, upTo: number): DecisionFacts {
  for (const { id, current } of servers) {
    const place = placeOf(rollout, id);
    if (place < upTo) continue;
    const percents = { serverPlacePercent: percentOf(place), openPercent: percentOf(upTo) };
    return { server: id, runs: current ?? 'nothing', ...percents };
  }
  return {};
}

/** By the device's own list, or by what it reported: a device that lost its list must not loop. */
function failedBefore({ device }: DecideInput, release: Release, attempt: CampaignAttempt | undefined): boolean {
  if (device.check.rejected.includes(release.manifestSha256)) return true;
  return attempt !== undefined && hasFailed(attempt) && attempt.offeredVersion === release.version;
}

/**
 * Told to try again since the device was offered the release last; or the device refuses it because of an abort that a
 * person took back since, or for something that is not the release's fault. Older devices do the last; each try may
 * move a whole release again, so they are asked once a day, and after a rollout was reopened.
 */
function mayRetry(
  { now }: DecideInput,
  campaign: CampaignState | undefined,
  attempt: CampaignAttempt | undefined,
): boolean {
  if ((campaign?.generation ?? 0) > (attempt?.generation ?? 0)) return true;
  if (attempt === undefined) return false;
  if (attempt.code === revertedCode) return true;
  const { settledAt = 0 } = attempt;
  return isHeld(attempt) && (settledAt < (campaign?.judgedFrom ?? 0) || now >= settledAt + retryRefusedAfterMs);
}

/** The way that any device of this version takes is open to this one, too. */
function isFree({ current, rejected, counterFloor }: CheckRequest, hop: Hop | undefined): boolean {
  if (current === undefined) return true;
  return rejected.length === 0 && (hop?.kind !== 'go' || hop.release.counter > counterFloor);
}

/** The device as the rules of installing see it; what it rejects was asked for before. */
function installerOf({ device, releases }: DecideInput, release: Release): Installer {
  const { platform, updaterVersion, current, counterFloor } = device.check;
  // Below its floor it went back from a release: from this one, unless another has the same counter.
  const knows =
    current !== undefined &&
    current.counter < counterFloor &&
    release.counter === counterFloor &&
    releases
      .line(release.product, release.platform)
      .every((other) => other === release || other.counter !== release.counter);
  return { platform, updaterVersion, current: current?.version, counterFloor, knows, rejects: false };
}

/**
 * On the way a release that the device rejected, or whose counter it is beyond, is replaced by another of its minor
 * version, where there is one.
 */
function hopAround(
  input: DecideInput,
  { rollout }: Ranked,
  goal: Release,
  campaign: CampaignState | undefined,
  attempt: CampaignAttempt | undefined,
) {
  const { device, releases } = input;
  const { current, rejected } = device.check;
  const isRefused = (release: Release) =>
    (rejected.includes(release.manifestSha256) && !mayRetry(input, campaign, attempt)) ||
    mayInstall(release, installerOf(input, release))?.rule === 'counter';
  return nextHop({ goal, current: current?.version, releases, maxMinorStep: rollout.maxMinorStep, isRefused });
}

/** Asking again for what was offered costs the budget nothing. */
function isUnderWay(attempt: CampaignAttempt | undefined, now: number, timeoutSeconds: number): boolean {
  if (attempt === undefined || attempt.outcome !== undefined) return false;
  return ['pending', 'waiting'].includes(standingOf(attempt, now, timeoutSeconds));
}

/** When the next wave may open at the earliest, where that lies ahead. */
function soakEnd({ rollout }: Ranked, campaign: CampaignState | undefined, now: number): number | undefined {
  const count = campaign?.openedWaves.length ?? 0;
  const [last, wave] = [campaign?.openedWaves[count - 1], rollout.waves[count - 1]];
  const at = last && wave ? last.openedAt + wave.soakSeconds * 1000 : 0;
  return at > now ? at : undefined;
}

function windowFacts(interval: OpenInterval | undefined): DecisionFacts {
  return interval ? { opensAt: instant(interval.opensAt), closesAt: instant(interval.closesAt) } : {};
}

function percentOf(share: number): number {
  return Math.floor(share * 10_000) / 100;
}

function instant(at: number): string {
  return new Date(at).toISOString();
}

function released(reason: DecisionReason, facts: DecisionFacts): RolloutVerdict {
  return { decision: { kind: 'none', reason, until: undefined, facts }, holds: false };
}

function held(reason: DecisionReason, facts: DecisionFacts, until?: number): RolloutVerdict {
  return { decision: { kind: 'none', reason, until, facts }, holds: true };
}
