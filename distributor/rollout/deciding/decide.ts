/**
 * Decides what one device is to run: a pure function of the device and its neighbours, the plan, the releases, the
 * campaigns and the time. Every answer has a reason and the facts behind it.
 */

import type { Decision, Explanation, NoDecision } from '../decision.ts';
import type { DecideInput } from './decide-input.ts';
import { judgeRollout } from './judge-rollout.ts';
import type { RolloutVerdict } from './rollout-verdict.ts';
import { isSettled } from './settled-phases.ts';

/** Rollouts in order of their claims: the first that has something to say about the device now says it. */
export function decide(input: DecideInput): Decision {
  const { check, labels } = input.device;
  if (!isSettled(check.phase)) return none('device-busy', { phase: check.phase });
  const location = input.plan.locationOf(labels);
  let best: NoDecision | undefined;
  let bestWeight = 0;
  let until: number | undefined;
  let heldAbove = Number.NEGATIVE_INFINITY;
  for (const ranked of input.plan.ranked(input.releases, check.product, check.platform)) {
    if (ranked.rollout.priority < heldAbove) break;
    const verdict = judgeRollout(input, ranked, location);
    const { decision, holds } = verdict;
    if (decision.kind !== 'none') return decision;
    if (holds) heldAbove = ranked.rollout.priority;
    const weight = weightOf(verdict);
    if (weight > bestWeight) [best, bestWeight] = [decision, weight];
    if (decision.until !== undefined && decision.until < (until ?? Number.POSITIVE_INFINITY)) until = decision.until;
  }
  if (!best) return none('no-rollout', { product: check.product });
  return best.until === until ? best : { ...best, until };
}

/** Every rollout of the device's product, in order of their claims, with its own word and who came before it. */
export function explain(input: DecideInput): Explanation[] {
  const { check, labels } = input.device;
  const location = input.plan.locationOf(labels);
  let winner: string | undefined;
  let holder: { readonly name: string; readonly priority: number } | undefined;
  return input.plan.ranked(input.releases, check.product, check.platform).map((ranked) => {
    const { name, priority } = ranked.rollout;
    const { decision, holds } = judgeRollout(input, ranked, location);
    const outrankedBy = winner ?? (holder && priority < holder.priority ? holder.name : undefined);
    if (decision.kind !== 'none' && outrankedBy === undefined) winner = name;
    if (holds && outrankedBy === undefined) holder ??= { name, priority };
    return { rollout: name, version: ranked.goal?.version, priority, decision, outrankedBy };
  });
}

/** The answer of a rollout that claims the device says more than that of one that is through with it, or not for it. */
function weightOf({ decision, holds }: RolloutVerdict): number {
  if (holds) return 3;
  return decision.reason === 'not-in-group' ? 1 : 2;
}

function none(reason: 'device-busy' | 'no-rollout', facts: NoDecision['facts']): NoDecision {
  return { kind: 'none', reason, until: undefined, facts };
}
