/** Defines what a device is told and why: a reason code, the facts behind it, and when asking again may help. */
import type { DecisionReason } from '../../contract/device-api/reasons.ts';
import type { Release } from '../catalog/releases.ts';
import type { Rollout } from '../declaration/rollout.ts';

/** For people and programs: names and numbers, no prose. */
export type DecisionFacts = Readonly<Record<string, string | number>>;

/** Milliseconds since 1970; the switch may begin in between. */
export interface OpenInterval {
  readonly opensAt: number;
  readonly closesAt: number;
}

export interface UpdateDecision {
  readonly kind: 'update';
  readonly reason: 'rollout-open' | 'floor-first' | 'skew-first';
  readonly rollout: Rollout;
  readonly wave: string;
  /** The device's place in [0, 1). */
  readonly place: number;
  /** What the campaign is about; `release` differs from it on the way over a floor or a minor version. */
  readonly goal: Release;
  readonly release: Release;
  /** The campaign's generation. */
  readonly generation: number;
  /** The device failed with this release in an earlier generation and is asked to try once more. */
  readonly isRetry: boolean;
  /** When the device may switch; undefined for at any time. */
  readonly window: OpenInterval | undefined;
  readonly facts: DecisionFacts;
}

export interface RevertDecision {
  readonly kind: 'revert';
  readonly reason: 'revert-on-abort';
  readonly rollout: Rollout;
  /** The release to leave. */
  readonly goal: Release;
  readonly facts: DecisionFacts;
}

export interface NoDecision {
  readonly kind: 'none';
  readonly reason: DecisionReason;
  /** Milliseconds since 1970: the answer may be another one from then on; undefined where only an event changes it. */
  readonly until: number | undefined;
  readonly facts: DecisionFacts;
}

export type Decision = UpdateDecision | RevertDecision | NoDecision;

/** What one rollout says about one device, whether or not it wins. */
export interface Explanation {
  readonly rollout: string;
  /** The version that its target means for the device; undefined while the store has none. */
  readonly version: string | undefined;
  readonly priority: number;
  readonly decision: Decision;
  /** The rollout that claims the device before this one could; undefined where this one's word counts. */
  readonly outrankedBy: string | undefined;
}

/** What is answered where nobody can sign a permit: without one no device can be sent back. */
export function withoutPermits(decision: Decision): Decision {
  if (decision.kind !== 'revert') return decision;
  return { kind: 'none', reason: 'rollout-aborted', until: undefined, facts: { ...decision.facts, permits: 'no key' } };
}
