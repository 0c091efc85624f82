/** Describes one decision with its reason in words and what happens next. */
import { decisionReasons } from '../../contract/device-api/reasons.ts';
import type { Decision } from '../rollout/decision.ts';
import { nextStep } from './next-step.ts';
import type { DecisionView } from './view.ts';

export function decisionViewOf(decision: Decision): DecisionView {
  const { kind, reason, facts } = decision;
  const until = kind === 'none' && decision.until !== undefined ? new Date(decision.until).toISOString() : undefined;
  return {
    kind,
    reason,
    meaning: decisionReasons[reason],
    facts: { ...facts },
    until,
    next: nextStep(reason, facts, until),
  };
}
