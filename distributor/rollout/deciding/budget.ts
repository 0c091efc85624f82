/** Decides whether one more device fits into the bytes that a campaign may move in a period. */
import type { Budget } from '../../declaration/practice.ts';
import type { DecisionFacts } from '../decision.ts';
import type { Spending } from './decide-input.ts';

/** Nobody knows what a release costs before a device has reported it: this number of devices may find out. */
const firstHandful = 10;

/** Undefined when it fits. Offers whose bytes are not known yet count as the mean of those that are. */
export function overBudget(budget: Budget | undefined, spending: Spending | undefined): DecisionFacts | undefined {
  if (budget === undefined) return undefined;
  const { bytes, reserved, meanBytes } = spending ?? { bytes: 0, reserved: 0, meanBytes: undefined };
  const facts = { budgetBytes: budget.bytes, perSeconds: budget.perSeconds, spentBytes: bytes, openOffers: reserved };
  if (meanBytes === undefined) return bytes < budget.bytes && reserved < firstHandful ? undefined : facts;
  // A budget that is smaller than one device lets one go a period, rather than nobody for ever.
  if (bytes === 0 && reserved === 0) return undefined;
  const expected = bytes + (reserved + 1) * meanBytes;
  return expected <= budget.bytes ? undefined : { ...facts, meanBytes: Math.round(meanBytes) };
}
