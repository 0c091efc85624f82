/** What declarations must not say together: names twice, names nobody declares, circles. Each document is right by itself. */
import type { PlanProblem } from './problem.ts';
import type { DeclaredDocument, NamedDocument } from './read-documents.ts';

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
  const first = new Map<string, PlanProblem>();
  return documents.flatMap(({ kind, value, problemAt }) => {
    const { name } = value.metadata;
    const key = kind === 'Fleet' ? kind : `${kind} ${name}`;
    const other = first.get(key);
    if (!other) {
      first.set(key, problemAt(['metadata', 'name'], '', ''));
      return [];
    }
    const place = `${other.file}:${other.line}`;
    return kind === 'Fleet'
      ? [problemAt(['metadata', 'name'], `a second Fleet; the first is in ${place}`, 'Keep one, or merge the two.')]
      : [problemAt(['metadata', 'name'], `${kind} ${name} is declared in ${place} already`, 'Give it another name.')];
  });
}

function unknownGroups(documents: readonly DeclaredDocument[], others: readonly NamedDocument[]): PlanProblem[] {
  const groups = namesOf(documents, others, 'Group');
  return rolloutsOf(documents).flatMap(({ value, problemAt }) => {
    const { group } = value.spec;
    if (group === undefined || groups.includes(group)) return [];
    return [problemAt(['spec', 'group'], `no Group ${group} is declared`, declaredNames('groups', groups))];
  });
}

function unknownRollouts(documents: readonly DeclaredDocument[], others: readonly NamedDocument[]): PlanProblem[] {
  const rollouts = namesOf(documents, others, 'Rollout');
  return rolloutsOf(documents).flatMap(({ value, problemAt }) =>
    (value.spec.after ?? []).flatMap((name, index) =>
      rollouts.includes(name)
        ? []
        : [problemAt(['spec', 'after', index], `no Rollout ${name} is declared`, declaredNames('rollouts', rollouts))],
    ),
  );
}

/** Each circle is reported once, at the first of its rollouts. */
function circles(documents: readonly DeclaredDocument[]): PlanProblem[] {
  const rollouts = rolloutsOf(documents);
  const byName = new Map(rollouts.map((document) => [document.value.metadata.name, document]));
  const done = new Set<string>();
  const problems: PlanProblem[] = [];
  const walk = (document: RolloutDocument, above: readonly string[]) => {
    const { name } = document.value.metadata;
    if (done.has(name)) return;
    for (const [index, next] of (document.value.spec.after ?? []).entries()) {
      const from = [...above, name].indexOf(next);
      if (from >= 0) {
        const circle = [...[...above, name].slice(from), next].join(' → ');
        const fix = 'Remove one of the dependencies: none of these rollouts could ever start.';
        problems.push(document.problemAt(['spec', 'after', index], `the rollouts wait for each other: ${circle}`, fix));
        continue;
      }
      const found = byName.get(next);
      if (found) walk(found, [...above, name]);
    }
    done.add(name);
  };
  for (const document of rollouts) walk(document, []);
  return problems;
}

function rolloutsOf(documents: readonly DeclaredDocument[]): RolloutDocument[] {
  return documents.filter((document): document is RolloutDocument => document.kind === 'Rollout');
}

function namesOf(
  documents: readonly DeclaredDocument[],
  others: readonly NamedDocument[],
  kind: NamedDocument['kind'],
): string[] {
  const named = documents.map((document) => ({ kind: document.kind, name: document.value.metadata.name }));
  return [...named, ...others].filter((document) => document.kind === kind).map(({ name }) => name);
}

function declaredNames(what: string, names: readonly string[]): string {
  if (names.length === 0) return `Declare it, or remove the line; no ${what} are declared.`;
  const shown = names.slice(0, 10).join(', ');
  return `Declared ${what} are: ${shown}${names.length > 10 ? ', …' : ''}.`;
}
