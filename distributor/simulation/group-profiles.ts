/**
 * Makes labels under which made-up devices belong to the groups that a plan uses: as few kinds of device as will do.
 */
import type { Labels } from '../../contract/device-api/check.ts';
import type { Group } from '../declaration/group.ts';
import { type Selector, selects } from '../declaration/selector.ts';

/** Each group's selector holds for the labels of one profile at least, where any labels satisfy it. */
export function profilesOf(groups: readonly Group[]): Labels[] {
  const profiles: { labels: Labels; selectors: Selector[] }[] = [];
  for (const { selector } of groups) {
    const own = satisfying(selector);
    const fitting = profiles.find(({ labels, selectors }) =>
      [...selectors, selector].every((each) => selects(each, { ...labels, ...own })),
    );
    if (fitting) {
      fitting.labels = { ...fitting.labels, ...own };
      fitting.selectors.push(selector);
    } else profiles.push({ labels: own, selectors: [selector] });
  }
  return profiles.length === 0 ? [{}] : profiles.map(({ labels }) => labels);
}

/** Labels that the selector holds for; some that it does not hold for where it contradicts itself. */
function satisfying({ matchLabels, matchExpressions }: Selector): Labels {
  const labels: Labels = { ...matchLabels };
  for (const { key, operator, values } of matchExpressions) {
    if (labels[key] !== undefined) continue;
    const others = matchExpressions.filter((other) => other.key === key && other.operator === 'NotIn');
    const allowed = values.find((value) => !others.some((other) => other.values.includes(value)));
    if (operator === 'In' && allowed !== undefined) labels[key] = allowed;
    if (operator === 'Exists') labels[key] = 'yes';
  }
  return labels;
}
