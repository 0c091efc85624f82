/**
 * Finds what declarations must not say together: names twice, names that are not declared, circles. Each document is
 * right by itself.
 */
import type { PlanProblem } from './problem.ts';
import type { DeclaredDocument, NamedDocument, ProblemAt } from './read-documents.ts';

type RolloutDocument = Extract<DeclaredDocument, { kind: 'Rollout' }>;

/** @param others documents that have problems of their own; undefined where not all of them are known */
export function crossProblems(
  documents: readonly DeclaredDocument[],
  others: readonly NamedDocument[] | undefined,
): PlanProblem[] {
  const strangers = others ? [...unknownGroups(documents, others), ...unknownRollouts(documents, others)] : [];
  return [...doubled(documents), ...strangers, ...circles(documents)];
}

/** A name is taken once in its kind, and there is one fleet. */
function doubled(documents: readonly DeclaredDocument[]): PlanProblem[] {
  const first = new Map<string, ProblemAt>();
  return documents.flatMap(({ kind, value, problemAt }) => {
    const { name } = value.metadata;
    const key = kind === 'Fleet' ? kind : `${kind} ${name}`;
    const firstAt = first.get(key);
    if (!firstAt) {
      first.set(key, problemAt);
      return [];
    }
    const { file, line } = firstAt(['metadata', 'name'], '', '');
    const place = `${file}:${line}`;
    return kind === 'Fleet'
      ? [problemAt(['metadata', 'name'], `a second Fleet; the first is in ${place}`, 'Keep one, or merge the two.')]
      : [problemAt(['metadata', 'name'], `${kind} ${name} is declared in ${place} already`, 'Give it another name.')];
  });
}

function unknownGroups(documents: readonly DeclaredDocument[], others: readonly NamedDocument[]): PlanProblem[] {
  const groups = namesOf(documents, others, 'Group');
  const fix = declaredNames('groups', groups);
  return rolloutsOf(documents).flatMap(({ value, problemAt }) => {
    const { group } = value.spec;
    if (group === undefined || groups.has(group)) return [];
    return [problemAt(['spec', 'group'], `no Group ${group} is declared`, fix)];
  });
}

function unknownRollouts(documents: readonly DeclaredDocument[], others: readonly NamedDocument[]): PlanProblem[] {
  const rollouts = namesOf(documents, others, 'Rollout');
  const fix = declaredNames('rollouts', rollouts);
  return rolloutsOf(documents).flatMap(({ value, problemAt }) =>
    (value.spec.after ?? []).flatMap((name, index) =>
      rollouts.has(name) ? [] : [problemAt(['spec', 'after', index], `no Rollout ${name} is declared`, fix)],
    ),
  );
}

/**
 * Each circle is reported once, at the rollout that closes it. Walks without recursion: a chain may be as long as a
 * plan.
 */
function circles(documents: readonly DeclaredDocument[]): PlanProblem[] {
  const rollouts = rolloutsOf(documents);
  const byName = new Map(rollouts.map((document) => [document.value.metadata.name, document]));
  const done = new Set<string>();
  const problems: PlanProblem[] = [];
  for (const start of rollouts) {
    const way: Walked[] = [];
    const depthOf = new Map<string, number>();
    const enter = (document: RolloutDocument) => {
      depthOf.set(document.value.metadata.name, way.length);
      way.push({ document, next: 0 });
    };
    if (!done.has(start.value.metadata.name)) enter(start);
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const { document } = last;
      const { name } = document.value.metadata;
      const index = last.next++;
      const next = document.value.spec.after?.[index];
      if (next === undefined) {
        done.add(name);
        depthOf.delete(name);
        way.pop();
        continue;
      }
      const from = depthOf.get(next);
      const found = byName.get(next);
      if (from !== undefined) problems.push(circleProblem(document, index, way.slice(from), next));
      else if (found && !done.has(next)) enter(found);
    }
  }
  return problems;
}

/** A rollout on the way, and which of those that it waits for is looked at next. */
interface Walked {
  readonly document: RolloutDocument;
  next: number;
}

const shownOfCircle = 10;

function circleProblem(document: RolloutDocument, index: number, way: readonly Walked[], next: string): PlanProblem {
  const names = way.map((walked) => walked.document.value.metadata.name);
  const shown = names.length <= shownOfCircle ? names : [...names.slice(0, shownOfCircle), '…'];
  const message = `the rollouts wait for each other: ${[...shown, next].join(' → ')}`;
  const fix = 'Remove one of the dependencies: none of these rollouts could ever start.';
  return document.problemAt(['spec', 'after', index], message, fix);
}

function rolloutsOf(documents: readonly DeclaredDocument[]): RolloutDocument[] {
  return documents.filter((document): document is RolloutDocument => document.kind === 'Rollout');
}

function namesOf(
  documents: readonly DeclaredDocument[],
  others: readonly NamedDocument[],
  kind: NamedDocument['kind'],
): Set<string> {
  const named = documents.map((document) => ({ kind: document.kind, name: document.value.metadata.name }));
  return new Set([...named, ...others].filter((document) => document.kind === kind).map(({ name }) => name));
}

function declaredNames(what: string, names: ReadonlySet<string>): string {
  if (names.size === 0) return `Declare it, or remove the line; no ${what} are declared.`;
  const shown = [...names].slice(0, 10).join(', ');
  return `Declared ${what} are: ${shown}${names.size > 10 ? ', …' : ''}.`;
}
