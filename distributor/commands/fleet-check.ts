/** Holds declarations against the devices of a fleet: groups that mean nobody there, with what is nearest. */
import { type Emptiness, emptyGroups } from '../declaration/empty-groups.ts';
import { parsePlan, type SourceFile } from '../declaration/plan.ts';
import { readDocuments } from '../declaration/read-documents.ts';
import { compileLabels } from '../fleet/effective-labels.ts';
import type { KnownDevice } from '../simulation/virtual-fleet.ts';

/** @param devices with labels of their own, without those given by rule */
export function emptinessIn(files: readonly SourceFile[], devices: readonly KnownDevice[]): Emptiness[] {
  const labelsOf = compileLabels(parsePlan(files).fleet.labels);
  const documents = files.flatMap((file) => readDocuments(file).documents);
  return emptyGroups(
    documents,
    devices.map(({ id, product, labels }) => ({ product, labels: labelsOf(id, labels) })),
  );
}
