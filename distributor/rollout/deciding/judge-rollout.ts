/**
 * Judges what one rollout says about one device: questions in their order, of which the first that applies gives the
 * answer, with the facts that decided it. It knows nothing of other rollouts; see decide.
 */
import { mayInstall, type Refusal } from '../../../contract/release/acceptance.ts';
import type { Release } from '../../catalog/releases.ts';
import type { Location } from '../../fleet/location.ts';
import type { Ranked } from '../compiled-plan.ts';
import type { Hop } from '../path.ts';
import { lackingFor } from '../required-origin.ts';
import { type Aim, aimOf, failedBefore, hopTowards, installerOf, isToGoBack, mayRetry } from './aim.ts';
import type { DecideInput } from './decide-input.ts';
import { held, instant, type RolloutVerdict, released } from './rollout-verdict.ts';
import {
  behindNeighbours,
  beyondBudget,
  type OfferTurn,
  outsideWindow,
  placeIn,
  soakEnd,
  windowFacts,
} from './turn.ts';

/** A release that leads on, before it is known whether the device may have it. */
interface Prospect extends Aim {
  readonly release: Release;
  /** The device failed with it before. */
  readonly isFailed: boolean;
  /** It failed, and is asked to try once more. */
  readonly isRetry: boolean;
  readonly refusal: Refusal | undefined;
}

/** Undefined where it does not apply. */
type RolloutRule<T> = (about: T) => RolloutVerdict | undefined;

const ofTheGoal: readonly RolloutRule<Aim>[] = [sentBack, upToDate, newerThanGoal, aborted];
const ofTheRelease: readonly RolloutRule<Prospect>[] = [
  failedHere,
  unattested,
  belowCounter,
  paused,
  afterOthers,
  tooLate,
];
const ofTheTurn: readonly RolloutRule<OfferTurn>[] = [outsideWindow, behindNeighbours, beyondBudget];

export function judgeRollout(input: DecideInput, ranked: Ranked, location: Location): RolloutVerdict {
  const { check, labels } = input.device;
  const { rollout, goal } = ranked;
  if (!ranked.includes(labels)) return released('not-in-group', { rollout: rollout.name, group: rollout.group ?? '' });
  if (!goal) return released('release-unknown', { rollout: rollout.name, ...rollout.target, platform: check.platform });
  const aim = aimOf(input, ranked, goal);
  const settled = firstVerdict(ofTheGoal, aim);
  if (settled) return settled;
  const hop = hopTowards(aim);
  if (hop?.kind !== 'go') return pathMissing(aim, hop);
  const prospect = prospectOf(aim, hop.release);
  return firstVerdict(ofTheRelease, prospect) ?? judgeTurn(prospect, hop.because, location);
}

/** The device may have the release, by everything but its turn. */
function judgeTurn(prospect: Prospect, because: keyof typeof reasons, location: Location): RolloutVerdict {
  const { input, ranked, goal, release, campaign, isRetry } = prospect;
  const { rollout } = ranked;
  const { place, wave: opened, facts } = placeIn(prospect);
  if (!opened) return waveNotOpen(prospect, facts);
  const updater = updaterTooOld(prospect);
  if (updater) return updater;
  const wave = opened.name;
  const window = ranked.windows?.at(input.now);
  const wait = firstVerdict(ofTheTurn, { ...prospect, location, wave, window });
  if (wait) return wait;
  return {
    decision: {
      kind: 'update',
      reason: reasons[because],
      rollout,
      wave,
      place,
      goal,
      release,
      generation: campaign?.generation ?? 0,
      isRetry,
      window: window?.interval,
      facts: { ...facts, wave, offered: release.version, ...windowFacts(window?.interval) },
    },
    holds: true,
  };
}

const reasons = { goal: 'rollout-open', floor: 'floor-first', skew: 'skew-first' } as const;

function firstVerdict<T>(judgements: readonly RolloutRule<T>[], about: T): RolloutVerdict | undefined {
  for (const judgement of judgements) {
    const verdict = judgement(about);
    if (verdict) return verdict;
  }
  return undefined;
}

function prospectOf(aim: Aim, release: Release): Prospect {
  const isFailed = failedBefore(aim, release);
  const isRetry = isFailed && mayRetry(aim);
  return { ...aim, release, isFailed, isRetry, refusal: mayInstall(release, installerOf(aim.input, release)) };
}

function sentBack(aim: Aim): RolloutVerdict | undefined {
  if (aim.way.order !== 0 || !aim.isAborted || !isToGoBack(aim)) return undefined;
  const { ranked, goal, campaign, facts } = aim;
  const why = campaign?.reason ?? 'The declaration says aborted.';
  const reason = 'revert-on-abort';
  return {
    decision: { kind: 'revert', reason, rollout: ranked.rollout, goal, facts: { ...facts, why } },
    holds: true,
  };
}

function upToDate(aim: Aim): RolloutVerdict | undefined {
  return aim.way.order === 0 ? released('up-to-date', aim.facts) : undefined;
}

function newerThanGoal(aim: Aim): RolloutVerdict | undefined {
  const { current } = aim.input.device.check;
  if (!current || (aim.way.order <= 0 && current.counter <= aim.goal.counter)) return undefined;
  return released('newer-than-rollout', { ...aim.facts, current: current.version });
}

function aborted({ isAborted, campaign, facts }: Aim): RolloutVerdict | undefined {
  if (!isAborted) return undefined;
  return released('rollout-aborted', campaign ? { ...facts, why: campaign.reason } : facts);
}

function pathMissing({ input, facts }: Aim, hop: Extract<Hop, { kind: 'missing' }> | undefined): RolloutVerdict {
  const current = input.device.check.current?.version ?? '';
  return released('path-missing', { ...facts, current, needed: hop?.needed ?? '', because: hop?.because ?? 'goal' });
}

function failedHere({ isFailed, isRetry, facts, release }: Prospect): RolloutVerdict | undefined {
  return isFailed && !isRetry ? released('release-failed-here', { ...facts, offered: release.version }) : undefined;
}

function unattested({ ranked, facts, release }: Prospect): RolloutVerdict | undefined {
  const lacking = lackingFor(ranked.rollout, release);
  if (lacking.length === 0) return undefined;
  return released('release-unattested', { ...facts, offered: release.version, lacking: lacking.join(', ') });
}

function belowCounter({ input, refusal, facts, release }: Prospect): RolloutVerdict | undefined {
  if (refusal?.rule !== 'counter') return undefined;
  const { counterFloor } = input.device.check;
  return released('counter-below', { ...facts, counter: release.counter, counterFloor });
}

function paused({ ranked, campaign, facts }: Prospect): RolloutVerdict | undefined {
  if (ranked.rollout.paused) return held('rollout-paused', { ...facts, why: 'The declaration says paused.' });
  if (campaign?.status !== 'paused') return undefined;
  const reason = campaign.stalledAt === undefined ? 'rollout-paused' : 'rollout-stalled';
  return held(reason, { ...facts, why: campaign.reason });
}

function afterOthers({ ranked, campaign, facts }: Prospect): RolloutVerdict | undefined {
  const { after } = ranked.rollout;
  if (after.length === 0 || (campaign?.openedWaves.length ?? 0) > 0) return undefined;
  return released('waiting-for-rollout', { ...facts, after: after.join(', ') });
}

function tooLate({ input, ranked, facts }: Prospect): RolloutVerdict | undefined {
  const { deadline } = ranked.rollout;
  if (deadline === undefined || input.now < deadline) return undefined;
  return released('deadline-passed', { ...facts, deadline: instant(deadline) });
}

function waveNotOpen(prospect: Prospect, facts: Prospect['facts']): RolloutVerdict {
  const openWaves = prospect.campaign?.openedWaves.length ?? 0;
  return held('wave-not-open', { ...facts, openWaves }, soakEnd(prospect));
}

function updaterTooOld({ input, refusal, facts }: Prospect): RolloutVerdict | undefined {
  if (refusal?.rule !== 'updater') return undefined;
  const { updaterVersion } = input.device.check;
  return held('updater-too-old', { ...facts, updater: updaterVersion, needed: refusal.needed });
}
