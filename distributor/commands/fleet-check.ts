/** Holds declarations against the devices of a fleet: groups that mean nobody there, with what is nearest. */
import { type Emptiness, emptyGroups } from '../declaration/empty-groups.ts';
import type { Plan } from '../declaration/plan.ts';
import type { DeclaredDocument } from '../declaration/read-documents.ts';
import { compileLabels } from '../fleet/labels/effective-labels.ts';
import type { KnownDevice } from '../simulation/virtual-fleet.ts';

/**
 * @param documents those that the plan was made of
 * @param devices with labels of their own, without those given by rule
 */
export function emptinessIn(
  documents: readonly DeclaredDocument[],
  { fleet }: Plan,
  devices: readonly KnownDevice[],
): Emptiness[] {
  const labelsOf = compileLabels(fleet.labels, fleet.labelsFromDevice);
  return emptyGroups(
    documents,
    devices.map(({ id, product, labels, givenLabels }) => ({ product, labels: labelsOf(id, labels, givenLabels) })),
  );
}
