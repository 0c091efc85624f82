/**
 * Finds groups and products of a plan that no device of a fleet belongs to, which condition no device fulfils, and the
 * nearest thing that the fleet has. A mistyped label is a valid declaration; only the fleet shows that it means nobody.
 */
import type { Labels } from '../../contract/device-api/check.ts';
import { deviceCount, separateConditions, unfulfilled } from './empty-selector.ts';
import { nearest } from './nearest.ts';
import type { PlanProblem } from './problem.ts';
import type { DeclaredDocument } from './read-documents.ts';
import { selectorOf, selects } from './selector.ts';

export interface FleetDevice {
  readonly product: string;
  /** Effective. */
  readonly labels: Labels;
}

export interface Emptiness {
  readonly problem: PlanProblem;
  /** A rollout that is not allowed to be empty has nobody for it. */
  readonly isNeeded: boolean;
}

type GroupDocument = Extract<DeclaredDocument, { kind: 'Group' }>;
type RolloutDocument = Extract<DeclaredDocument, { kind: 'Rollout' }>;

/** In the order of the documents. */
export function emptyGroups(documents: readonly DeclaredDocument[], devices: readonly FleetDevice[]): Emptiness[] {
  const rollouts = documents.filter((document) => document.kind === 'Rollout');
  return documents.flatMap((document) => {
    if (document.kind === 'Group') return emptinessOfGroup(document, rollouts, devices);
    return document.kind === 'Rollout' ? emptinessOfProduct(document, devices) : [];
  });
}

/** Of each product that a rollout brings to the group; of a group that no rollout uses, over all devices. */
function emptinessOfGroup(
  { value, problemAt }: GroupDocument,
  rollouts: readonly RolloutDocument[],
  devices: readonly FleetDevice[],
): Emptiness[] {
  const { name } = value.metadata;
  const selector = selectorOf(value.spec.selector);
  const users = rollouts.filter((rollout) => rollout.value.spec.group === name);
  const products = users.length === 0 ? [undefined] : [...new Set(users.map((user) => user.value.spec.product))];
  return products.flatMap((product) => {
    const candidates = devices.filter((device) => product === undefined || device.product === product);
    // Without any device of the product the rollout itself is told of.
    if (candidates.length === 0 || candidates.some(({ labels }) => selects(selector, labels))) return [];
    const isNeeded = users.some((user) => user.value.spec.product === product && needsSomebody(user));
    const isElsewhere = products.length > 1 || devices.some(({ labels }) => selects(selector, labels));
    const of = isElsewhere ? `no device of ${product}` : 'no device';
    const labels = candidates.map((device) => device.labels);
    return unfulfilled(separateConditions(selector), labels).map(({ path, says, fix }) => ({
      problem: problemAt(['spec', 'selector', ...path], `group ${name}: ${says(of)}`, fix),
      isNeeded,
    }));
  });
}

function emptinessOfProduct(rollout: RolloutDocument, devices: readonly FleetDevice[]): Emptiness[] {
  const { metadata, spec } = rollout.value;
  if (devices.some(({ product }) => product === spec.product)) return [];
  const products = new Map<string, number>();
  for (const { product } of devices) products.set(product, (products.get(product) ?? 0) + 1);
  const near = nearest(spec.product, products);
  const hint = near === undefined ? '' : `; nearest is ${near} (${deviceCount(products.get(near) ?? 0)})`;
  const message = `rollout ${metadata.name}: no device has the product ${spec.product}${hint}`;
  const fix = 'Correct the product, or say allowEmpty: true where its devices come later.';
  return [{ problem: rollout.problemAt(['spec', 'product'], message, fix), isNeeded: needsSomebody(rollout) }];
}

function needsSomebody({ value: { spec } }: RolloutDocument): boolean {
  return spec.allowEmpty !== true && spec.aborted !== true;
}
