/** The word of one rollout about one device, and how it is given: with the facts behind it, as names and numbers. */
import type { DecisionReason } from '../../../contract/device-api/reasons.ts';
import type { Decision, DecisionFacts } from '../decision.ts';

/** `holds`: the rollout claims the device and keeps lower priorities away from it. */
export interface RolloutVerdict {
  readonly decision: Decision;
  readonly holds: boolean;
}

/** The rollout has nothing for the device; one of a lower priority may. */
export function released(reason: DecisionReason, facts: DecisionFacts): RolloutVerdict {
  return { decision: { kind: 'none', reason, until: undefined, facts }, holds: false };
}

/** The rollout has something for the device, but not now. */
export function held(reason: DecisionReason, facts: DecisionFacts, until?: number): RolloutVerdict {
  return { decision: { kind: 'none', reason, until, facts }, holds: true };
}

export function instant(at: number): string {
  return new Date(at).toISOString();
}
