/** Decides whether it is the turn of a device that may have a release: its wave, window, neighbours and the budget. */

import type { Location } from '../../fleet/location.ts';
import type { OpenedWave } from '../campaign.ts';
import { openWaveOf } from '../cohort.ts';
import type { DecisionFacts, OpenInterval } from '../decision.ts';
import { percentOfPlace, placeOf } from '../placement.ts';
import { standingOf } from '../standing.ts';
import { shutUntil, type WindowState } from '../windows.ts';
import type { Aim } from './aim.ts';
import { overBudget } from './budget.ts';
import { type Hold, holdOf } from './precedence.ts';
import { held, instant, type RolloutVerdict } from './rollout-verdict.ts';

/** Where the device stands among those that the rollout is for. */
interface WavePlace {
  /** In [0, 1). */
  readonly place: number;
  /** The first open wave that covers it; undefined while none does. */
  readonly wave: OpenedWave | undefined;
  readonly facts: DecisionFacts;
}

export interface OfferTurn extends Aim {
  readonly location: Location;
  readonly wave: string;
  /** As it is now; undefined where the rollout is always open. */
  readonly window: WindowState | undefined;
}

export function placeIn({ input: { device }, ranked, campaign, facts }: Aim): WavePlace {
  const opened = campaign?.openedWaves ?? [];
  const place = placeOf(ranked.rollout.name, device.id);
  const index = openWaveOf(place, device.enrolledAt, opened);
  const percents = { placePercent: percentOfPlace(place), openPercent: percentOfPlace(opened.at(-1)?.upTo ?? 0) };
  return { place, wave: index === undefined ? undefined : opened[index], facts: { ...facts, ...percents } };
}

/** When the next wave may open at the earliest, where that lies ahead. */
export function soakEnd({ input: { now }, ranked: { rollout }, campaign }: Aim): number | undefined {
  const count = campaign?.openedWaves.length ?? 0;
  const [last, wave] = [campaign?.openedWaves[count - 1], rollout.waves[count - 1]];
  const at = last && wave ? last.openedAt + wave.soakSeconds * 1000 : 0;
  return at > now ? at : undefined;
}

export function outsideWindow({ input, ranked, facts, wave, window }: OfferTurn): RolloutVerdict | undefined {
  const shut = window && shutUntil(window, ranked.rollout.downloadAheadSeconds, input.now);
  if (!shut) return undefined;
  const next = window.interval && !window.isOpen ? { opensAt: instant(window.interval.opensAt) } : {};
  return held('outside-window', { ...facts, wave, ...next }, shut.until);
}

export function behindNeighbours({ input, ranked, goal, facts, campaign, location, wave }: OfferTurn) {
  const { name, product, concurrency, deviceTimeoutSeconds } = ranked.rollout;
  const { peers, plan, now } = input;
  const peerTimeoutSeconds = Math.max(deviceTimeoutSeconds, 3 * (plan.fleet.pollSeconds ?? 0));
  const hold = holdOf({ product, location, peers, concurrency, goal: goal.version, peerTimeoutSeconds, now });
  if (!hold) return undefined;
  const later = laterServer(name, hold, campaign?.openedWaves.at(-1)?.upTo ?? 0);
  return held(hold.reason, { ...facts, wave, ...hold.facts, ...later });
}

/** A server that the device waits for, where no open wave reaches its place: then nothing happens before one does. */
function laterServer(rollout: string, { servers = [] }: Hold, upTo: number): DecisionFacts {
  for (const { id, current } of servers) {
    const place = placeOf(rollout, id);
    if (place < upTo) continue;
    const percents = { serverPlacePercent: percentOfPlace(place), openPercent: percentOfPlace(upTo) };
    return { server: id, runs: current ?? 'nothing', ...percents };
  }
  return {};
}

export function beyondBudget(turn: OfferTurn): RolloutVerdict | undefined {
  const { input, ranked, goal, facts, wave } = turn;
  const { name, budget } = ranked.rollout;
  if (budget === undefined || isUnderWay(turn)) return undefined;
  const spent = overBudget(budget, input.spending({ rollout: name, version: goal.version }));
  return spent && held('budget-spent', { ...facts, wave, ...spent });
}

/** Asking again for what was offered costs the budget nothing. */
function isUnderWay({ input: { now }, ranked: { rollout }, attempt }: OfferTurn): boolean {
  if (attempt === undefined || attempt.outcome !== undefined) return false;
  return ['pending', 'waiting'].includes(standingOf(attempt, now, rollout.deviceTimeoutSeconds));
}

export function windowFacts(interval: OpenInterval | undefined): DecisionFacts {
  return interval ? { opensAt: instant(interval.opensAt), closesAt: instant(interval.closesAt) } : {};
}
