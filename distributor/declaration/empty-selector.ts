/** Explains why no device fulfils a selector: conditions that no device fulfils, or that no device fulfils together. */
import type { Labels } from '../../contract/device-api/check.ts';
import { nearest, stepsBetween } from './nearest.ts';
import { type LabelRequirement, type Selector, selects } from './selector.ts';

interface Condition {
  /** In the selector. */
  readonly path: readonly (string | number)[];
  readonly text: string;
  readonly requirement: LabelRequirement;
}

interface Unfulfilled {
  /** In the selector. */
  readonly path: readonly (string | number)[];
  /** @param nobody `no device`, or those of which it is none */
  readonly says: (nobody: string) => string;
  readonly fix: string;
}

const shownValues = 8;

/** In the order of the declaration, labels first. */
export function separateConditions({ matchLabels, matchExpressions }: Selector): Condition[] {
  return [
    ...Object.entries(matchLabels).map(([key, value]): Condition => {
      const requirement = { key, operator: 'In', values: [value] } as const;
      return { path: ['matchLabels', key], text: `${key}=${value}`, requirement };
    }),
    ...matchExpressions.map((requirement, index): Condition => {
      const { key, operator, values } = requirement;
      const text = values.length === 0 ? `${key} ${operator}` : `${key} ${operator} [${values.join(', ')}]`;
      return { path: ['matchExpressions', index, values.length === 0 ? 'key' : 'values'], text, requirement };
    }),
  ];
}

/** @param devices labels of one device at least, none of which fulfils all conditions */
export function unfulfilled(conditions: readonly Condition[], devices: readonly Labels[]): Unfulfilled[] {
  const alone = conditions.filter((condition) => !devices.some((labels) => holds([condition], labels)));
  if (alone.length > 0) return alone.map((condition) => byNobody(condition, devices));
  const without = conditions
    .map((condition) => {
      const others = conditions.filter((other) => other !== condition);
      return { condition, devices: devices.filter((labels) => holds(others, labels)).length };
    })
    .reduce((most, other) => (other.devices > most.devices ? other : most));
  const together = (nobody: string) => `${nobody} fulfils all conditions together`;
  const fix = 'Correct the conditions, or remove one.';
  if (without.devices === 0) return [{ path: [], says: together, fix }];
  const { path, text } = without.condition;
  return [
    { path, says: (nobody) => `${together(nobody)}; without ${text} it has ${deviceCount(without.devices)}`, fix },
  ];
}

function byNobody({ path, text, requirement }: Condition, devices: readonly Labels[]): Unfulfilled {
  const { key, operator } = requirement;
  if (operator === 'NotIn' || operator === 'DoesNotExist') {
    const says = (nobody: string) => `${text} matches ${nobody}: every one has ${key} with such a value`;
    return { path, says, fix: 'Correct the condition, or remove it.' };
  }
  const values = countedBy(devices, (labels) => (Object.hasOwn(labels, key) ? [labels[key] ?? ''] : []));
  const near = values.size > 0 ? nearestValue(requirement, values) : nearestKey(requirement, devices);
  const hint = near === undefined ? '' : `; nearest is ${near.text} (${deviceCount(near.devices)})`;
  const found = [...values.keys()].sort();
  const shown = found.slice(0, shownValues).join(', ');
  const known =
    found.length === 0
      ? `no device has ${key}`
      : `the fleet has ${key}: ${shown}${found.length > shownValues ? ', …' : ''}`;
  return { path, says: (nobody) => `${text} matches ${nobody}${hint}`, fix: `Correct it; ${known}.` };
}

interface Near {
  readonly text: string;
  readonly devices: number;
}

function nearestValue(
  { key, values: wanted }: LabelRequirement,
  values: ReadonlyMap<string, number>,
): Near | undefined {
  const near = wanted
    .flatMap((value) => {
      const found = nearest(value, values);
      return found === undefined ? [] : [{ found, steps: stepsBetween(value, found) }];
    })
    .reduce<{ found: string; steps: number } | undefined>(
      (least, other) => (least === undefined || other.steps < least.steps ? other : least),
      undefined,
    );
  return near && { text: `${key}=${near.found}`, devices: values.get(near.found) ?? 0 };
}

/** Before others those keys that have a value that is asked for. */
function nearestKey({ key, values: wanted }: LabelRequirement, devices: readonly Labels[]): Near | undefined {
  const fitting = countedBy(devices, (labels) =>
    Object.keys(labels).filter((own) => wanted.includes(labels[own] ?? '')),
  );
  const keys = fitting.size > 0 ? fitting : countedBy(devices, (labels) => Object.keys(labels));
  const near = nearest(key, keys);
  if (near === undefined) return undefined;
  const value = devices.map((labels) => labels[near]).find((own) => own !== undefined && wanted.includes(own));
  return { text: value === undefined ? `the label ${near}` : `${near}=${value}`, devices: keys.get(near) ?? 0 };
}

function countedBy(devices: readonly Labels[], wordsOf: (labels: Labels) => readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const labels of devices) for (const word of wordsOf(labels)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function holds(conditions: readonly Condition[], labels: Labels): boolean {
  return selects({ matchLabels: {}, matchExpressions: conditions.map(({ requirement }) => requirement) }, labels);
}

/** `1 device`, `3 devices`. */
export function deviceCount(devices: number): string {
  return `${devices} device${devices === 1 ? '' : 's'}`;
}
