/**
 * Finds mistakes in the nodes of one YAML document that the library does not look for, or only in time that grows with
 * the square of their number: keys that come twice, keys that are no names, aliases that lead nowhere or multiply.
 */
import { isAlias, isCollection, isMap, isPair, isScalar, type ParsedNode } from 'yaml';
import { limits } from '../../contract/limits.ts';
import type { YamlProblem } from './yaml-text.ts';

/** Values that stand behind an anchor; `open` while they are still being read. */
type Anchors = Map<string, number | 'open'>;

/** One at a time, so that their reader may stop. */
export function* nodeProblems(root: ParsedNode | null): Generator<YamlProblem> {
  const size = yield* walk(root, new Map());
  if (size > limits.maxYamlNodes) {
    const message = `with its aliases written out it has more than ${limits.maxYamlNodes} values`;
    yield { offset: root?.range[0] ?? 0, message };
  }
}

/** Depth is bounded before. @returns values in the node, aliases written out */
function* walk(node: unknown, anchors: Anchors): Generator<YamlProblem, number> {
  if (isAlias(node)) return yield* sizeOfAlias(node.source, offsetIn(node), anchors);
  const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
  if (anchor !== undefined) anchors.set(anchor, 'open');
  let size = 1;
  if (isMap(node)) {
    yield* keyProblems(node.items.map(({ key }) => key));
    for (const { value } of node.items) size += yield* walk(value, anchors);
  } else if (isCollection(node)) {
    for (const item of node.items) size += yield* walk(isPair(item) ? item.value : item, anchors);
  }
  if (anchor !== undefined) anchors.set(anchor, size);
  return size;
}

function* sizeOfAlias(name: string, offset: number, anchors: Anchors): Generator<YamlProblem, number> {
  const size = anchors.get(name);
  if (typeof size === 'number') return size;
  const message =
    size === 'open' ? `the alias ${name} is inside of what it stands for` : `no anchor ${name} is before this alias`;
  yield { offset, message };
  return 1;
}

function* keyProblems(keys: readonly unknown[]): Generator<YamlProblem> {
  const seen = new Set<unknown>();
  for (const key of keys) {
    if (!isScalar(key)) yield { offset: offsetIn(key), message: 'expected a name as key' };
    else if (seen.has(key.value)) yield { offset: offsetIn(key), message: 'Map keys must be unique' };
    else seen.add(key.value);
  }
}

function offsetIn(node: unknown): number {
  const { range } = (node ?? {}) as { range?: readonly number[] | null };
  return range?.[0] ?? 0;
}
