/**
 * Finds the labels that put a device into groups of the plan, whatever it says of itself: a token that lets devices in gives
 * them. Rules of the Fleet still win over given labels. Pure.
 */
import type { Labels } from '../../../contract/device-api/check.ts';
import { isSafeguardLabel, withoutSafeguardLabels } from '../../../contract/device-api/safeguards.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { nearest } from '../../declaration/nearest.ts';
import type { Plan } from '../../declaration/plan.ts';
import { type LabelRequirement, type Selector, selects } from '../../declaration/selector.ts';

/**
 * @param given labels that the token gives besides; they stay as they are
 * @returns all labels to give
 * @throws SlipwayError `usage` where the plan has no such group, or no labels can be given that every device of it has
 */
export function labelsOfGroups(plan: Pick<Plan, 'groups'>, names: readonly string[], given: Labels): Labels {
  let labels = given;
  for (const name of names) {
    const group = plan.groups.find((one) => one.name === name);
    if (!group) {
      const near = nearest(name, new Map(plan.groups.map((one) => [one.name, 1])));
      throw new SlipwayError('usage', `the plan in force has no group ${name}`, {
        hint: near === undefined ? 'Declare the group first.' : `Is ${near} meant?`,
      });
    }
    labels = { ...asked(group.selector), ...labels };
  }
  for (const { name, selector } of plan.groups) {
    if (names.includes(name)) requireDecided(name, selector, labels);
  }
  return labels;
}

/** One value is as good as another: the first. What a box tells of itself nobody gives. */
function asked({ matchLabels, matchExpressions }: Selector): Labels {
  const some = matchExpressions.flatMap(({ key, operator, values }): [string, string][] => {
    if (operator === 'In') return [[key, values[0] ?? '']];
    return operator === 'Exists' ? [[key, 'true']] : [];
  });
  return withoutSafeguardLabels({ ...Object.fromEntries(some), ...matchLabels });
}

/** A condition on a label that nobody gives is the device's to fulfil. */
function requireDecided(name: string, selector: Selector, labels: Labels): void {
  const isOpen = ({ key }: LabelRequirement) => !Object.hasOwn(labels, key);
  const open = selector.matchExpressions.find(isOpen);
  if (!open && selects(selector, labels)) return;
  const told = Object.keys(selector.matchLabels).find(isSafeguardLabel);
  const undecided = open ? `${open.key} ${open.operator}` : told;
  const why =
    undecided === undefined ? 'another label stands against it' : `it asks for ${undecided}, which a device decides`;
  throw new SlipwayError('usage', `no labels put a device into the group ${name} for certain: ${why}`, {
    hint: 'Give the labels themselves by --label key=value.',
  });
}
