/** One device and the goal of one rollout: what they have to do with each other so far, and the way from one to the other. */
import type { CheckRequest } from '../../../contract/device-api/check.ts';
import { type Installer, mayInstall } from '../../../contract/release/acceptance.ts';
import type { Release } from '../../catalog/releases.ts';
import { attemptAt, type CampaignAttempt, type CampaignState, hasFailed, isHeld } from '../campaign.ts';
import type { Ranked, WayToGoal } from '../compiled-plan.ts';
import type { DecisionFacts } from '../decision.ts';
import { type Hop, nextHop, runningRelease } from '../path.ts';
import { lackingFor } from '../required-origin.ts';
import { revertedCode } from '../standing.ts';
import type { DecideInput } from './decide-input.ts';

export interface Aim {
  readonly input: DecideInput;
  readonly ranked: Ranked;
  readonly goal: Release;
  readonly way: WayToGoal;
  readonly campaign: CampaignState | undefined;
  /** What the campaign did with the device before. */
  readonly attempt: CampaignAttempt | undefined;
  readonly isAborted: boolean;
  /** What every answer about the goal says. */
  readonly facts: DecisionFacts;
}

/** A device that refuses a release for something that is not its fault is told to try again so long after it failed. */
const retryRefusedAfterMs = 24 * 3_600_000;

export function aimOf(input: DecideInput, ranked: Ranked, goal: Release): Aim {
  const key = { rollout: ranked.rollout.name, version: goal.version };
  const campaign = input.campaign(key.rollout, key.version);
  const isAborted = ranked.rollout.aborted || campaign?.status === 'aborted';
  const way = ranked.wayFrom(input.device.check.current?.version);
  return { input, ranked, goal, way, campaign, attempt: attemptAt(input.attempts, key), isAborted, facts: key };
}

/** The next update on the way to the goal; undefined where there is nothing to go. */
export function hopTowards(aim: Aim): Hop | undefined {
  const { hop } = aim.way;
  return isFree(aim.input.device.check, hop) ? hop : hopAround(aim);
}

/** The way that any device of this version takes is open to this one, too. */
function isFree({ current, rejected, counterFloor }: CheckRequest, hop: Hop | undefined): boolean {
  if (current === undefined) return true;
  return rejected.length === 0 && (hop?.kind !== 'go' || hop.release.counter > counterFloor);
}

/**
 * On the way a release that the device rejected, or whose counter it is beyond, is replaced by another of its minor
 * version, where there is one.
 */
function hopAround(aim: Aim): Hop {
  const { input, ranked, goal } = aim;
  const { current, rejected } = input.device.check;
  const isRefused = (release: Release) =>
    (rejected.includes(release.manifestSha256) && !mayRetry(aim)) ||
    lackingFor(ranked.rollout, release).length > 0 ||
    mayInstall(release, installerOf(input, release))?.rule === 'counter';
  const { maxMinorStep } = ranked.rollout;
  return nextHop({ goal, current: current?.version, releases: input.releases, maxMinorStep, isRefused });
}

/** The device as the rules of installing see it; what it rejects was asked for before. */
export function installerOf({ device, releases }: DecideInput, release: Release): Installer {
  const { platform, updaterVersion, current, counterFloor } = device.check;
  // Below its floor it went back from a release: from this one, unless another has the same counter.
  const knows =
    current !== undefined &&
    current.counter < counterFloor &&
    release.counter === counterFloor &&
    releases
      .line(release.product, release.platform)
      .every((other) => other === release || other.counter !== release.counter);
  const running = current && runningRelease(releases, release, current.version);
  return { platform, updaterVersion, current: running, counterFloor, knows, rejects: false };
}

/** By the device's own list, or by what it reported: a device that lost its list must not loop. */
export function failedBefore({ input, attempt }: Aim, release: Release): boolean {
  if (input.device.check.rejected.includes(release.manifestSha256)) return true;
  return attempt !== undefined && hasFailed(attempt) && attempt.offeredVersion === release.version;
}

/**
 * Told to try again since the device was offered the release last; or the device refuses it because of an abort that a
 * person took back since, or for something that is not the release's fault. Older devices do the last; each try may move
 * a whole release again, so they are asked once a day, and after a rollout was reopened.
 */
export function mayRetry({ input, campaign, attempt }: Aim): boolean {
  if ((campaign?.generation ?? 0) > (attempt?.generation ?? 0)) return true;
  if (attempt === undefined) return false;
  if (attempt.code === revertedCode) return true;
  const { settledAt = 0 } = attempt;
  return isHeld(attempt) && (settledAt < (campaign?.judgedFrom ?? 0) || input.now >= settledAt + retryRefusedAfterMs);
}

/**
 * A device that this campaign brought to the release and that still runs it. It is told once; again only when it was
 * silent about it for as long as an attempt may take, because an answer may be lost.
 */
export function isToGoBack({ input, ranked, goal, attempt }: Aim): boolean {
  const { abort, deviceTimeoutSeconds } = ranked.rollout;
  if (!abort.revert || !attempt || input.device.check.current?.manifestSha256 !== goal.manifestSha256) return false;
  const { outcome, offeredAt, revertedAt } = attempt;
  if (offeredAt === undefined) return false;
  if (outcome !== undefined && outcome !== 'committed') return false;
  return revertedAt === undefined || input.now >= revertedAt + deviceTimeoutSeconds * 1000;
}
