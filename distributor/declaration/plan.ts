/**
 * Makes a plan of all declarations together: it is in force as a whole or not at all. It reads the documents of any
 * number of files, checks each and then each against the others, and names every problem at once.
 */
import { limits } from '../../contract/limits.ts';
import { crossProblems } from './cross-checks.ts';
import { defaultFleet, type Fleet, fleetOf } from './fleet.ts';
import { type Group, groupOf } from './group.ts';
import { PlanError } from './problem.ts';
import { readDocuments, type SourceFile } from './read-documents.ts';
import { type Rollout, rolloutOf } from './rollout.ts';

export type { SourceFile } from './read-documents.ts';

/** Plain JSON data; equal declarations are equal plans, in whatever files and order they stand. */
export interface Plan {
  readonly fleet: Fleet;
  /** By name. */
  readonly groups: readonly Group[];
  /** By name. */
  readonly rollouts: readonly Rollout[];
}

export const emptyPlan: Plan = { fleet: defaultFleet, groups: [], rollouts: [] };

/** @throws PlanError (`document-invalid`) with the problems of all files */
export function parsePlan(files: readonly SourceFile[]): Plan {
  const read = files.map(readDocuments);
  const documents = read.flatMap((file) => file.documents);
  const surplus = documents[limits.maxDeclaredDocuments];
  if (surplus) {
    const message = `more than ${limits.maxDeclaredDocuments} documents are declared`;
    throw new PlanError([surplus.problemAt([], message, 'Remove rollouts that are through.')]);
  }
  const broken = read.every((file) => file.isWhole) ? read.flatMap((file) => file.broken) : undefined;
  const problems = [...read.flatMap((file) => file.problems), ...crossProblems(documents, broken)];
  if (problems.length > 0) {
    const order = new Map(files.map(({ name }, index) => [name, index]));
    const rank = (file: string) => order.get(file) ?? 0;
    throw new PlanError(problems.sort((a, b) => rank(a.file) - rank(b.file) || a.line - b.line || a.column - b.column));
  }
  const fleets = documents.filter((document) => document.kind === 'Fleet');
  const fleet = fleets[0] ? fleetOf(fleets[0].value) : defaultFleet;
  return {
    fleet,
    groups: documents.flatMap((document) => (document.kind === 'Group' ? [groupOf(document.value)] : [])).sort(byName),
    rollouts: documents
      .flatMap((document) => (document.kind === 'Rollout' ? [rolloutOf(document.value, fleet.defaults)] : []))
      .sort(byName),
  };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
