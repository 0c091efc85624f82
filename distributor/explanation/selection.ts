/** Tells which conditions of a selector a device fulfils, one by one and in words. */
import type { Labels } from '../../contract/device-api/check.ts';
import { type LabelRequirement, type Selector, selects } from '../declaration/selector.ts';
import type { ConditionView } from './view.ts';

/** In the order of the declaration, labels first; empty for a selector that selects everything. */
export function conditionsOf({ matchLabels, matchExpressions }: Selector, labels: Labels): ConditionView[] {
  return [
    ...Object.entries(matchLabels).map(([key, value]) =>
      judged(`${key}=${value}`, key, { matchLabels: { [key]: value }, matchExpressions: [] }, labels),
    ),
    ...matchExpressions.map((requirement) =>
      judged(wordsOf(requirement), requirement.key, { matchLabels: {}, matchExpressions: [requirement] }, labels),
    ),
  ];
}

function judged(condition: string, key: string, alone: Selector, labels: Labels): ConditionView {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  return { condition, holds: selects(alone, labels), value };
}

function wordsOf({ key, operator, values }: LabelRequirement): string {
  return values.length === 0 ? `${key} ${operator}` : `${key} ${operator} [${values.join(', ')}]`;
}
