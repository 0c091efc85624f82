/** Compares two plans: which documents come, go and change, and in which fields. Pure. */
import type { Plan } from '../declaration/plan.ts';

type DeclaredKind = 'Fleet' | 'Group' | 'Rollout';

interface FieldChange {
  /** Dotted; members of a list that have names are called by them: `waves.canary.percent`. */
  readonly path: string;
  /** Absent where the field was not there. */
  readonly before?: unknown;
  /** Absent where the field is gone. */
  readonly after?: unknown;
}

type PlanChange =
  | { readonly action: 'added' | 'removed'; readonly kind: DeclaredKind; readonly name: string }
  | {
      readonly action: 'changed';
      readonly kind: DeclaredKind;
      readonly name: string;
      readonly fields: readonly FieldChange[];
    };

/** Plain JSON; by kind, then name. Empty when the plans mean the same. */
export type PlanDiff = readonly PlanChange[];

export function diffPlans(before: Plan, after: Plan): PlanDiff {
  return [
    ...diffFleet(before.fleet, after.fleet),
    ...diffNamed('Group', before.groups, after.groups),
    ...diffNamed('Rollout', before.rollouts, after.rollouts),
  ];
}

/** One line for each change and each field, as `+`, `-` and `~`. */
export function describeDiff(diff: PlanDiff): string {
  if (diff.length === 0) return 'Nothing changes.';
  return diff.flatMap((change) => [headline(change), ...fieldLines(change)]).join('\n');
}

const signs = { added: '+', removed: '-', changed: '~' } as const;

function headline({ action, kind, name }: PlanChange): string {
  return `${signs[action]} ${kind} ${name}`;
}

function fieldLines(change: PlanChange): string[] {
  if (change.action !== 'changed') return [];
  return change.fields.map(({ path, before, after }) => `    ${path}: ${show(before)} -> ${show(after)}`);
}

function show(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value);
}

interface NamedDeclaration {
  readonly name: string;
}

/** There is always a fleet: one that nobody declared has all defaults. */
function diffFleet(before: object, after: object): PlanChange[] {
  const fields = diffValues('', before, after);
  const name = nameOf(after) ?? nameOf(before) ?? 'default';
  return fields.length === 0 ? [] : [{ action: 'changed', kind: 'Fleet', name, fields }];
}

function diffNamed(
  kind: DeclaredKind,
  before: readonly NamedDeclaration[],
  after: readonly NamedDeclaration[],
): PlanChange[] {
  const old = new Map(before.map((item) => [item.name, item]));
  const young = new Map(after.map((item) => [item.name, item]));
  return [...new Set([...old.keys(), ...young.keys()])].sort().flatMap((name): PlanChange[] => {
    const [was, is] = [old.get(name), young.get(name)];
    if (was === undefined) return [{ action: 'added', kind, name }];
    if (is === undefined) return [{ action: 'removed', kind, name }];
    const fields = diffValues('', was, is);
    return fields.length === 0 ? [] : [{ action: 'changed', kind, name, fields }];
  });
}

function diffValues(path: string, before: unknown, after: unknown): FieldChange[] {
  const [was, is] = [membersOf(before), membersOf(after)];
  if (was && is) {
    const keys = [...new Set([...was.keys(), ...is.keys()])].sort();
    const inner = keys.flatMap((key) => diffValues(path === '' ? key : `${path}.${key}`, was.get(key), is.get(key)));
    const orderChanged = inner.length === 0 && Array.isArray(before) && text(before) !== text(after);
    return orderChanged ? [{ path, before, after }] : inner;
  }
  if (text(before) === text(after)) return [];
  return [{ path, before, after }];
}

/** Members by key: of an object its fields, of a list of things with names of their own the things. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) {
    const names = value.map(nameOf);
    const isByName = names.length > 0 && names.every((name) => name !== undefined);
    if (!isByName || new Set(names).size < names.length) return undefined;
    return new Map(value.map((item, index) => [names[index] ?? '', item]));
  }
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

function nameOf(value: unknown): string | undefined {
  const { name } = (value ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : undefined;
}

/** Equal values have equal texts, whatever the order of their fields. */
function text(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
