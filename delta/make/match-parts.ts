/**
 * Chooses the old part that each new part is made from: the same bytes first, then the same place, the same name, and
 * for what was renamed or moved, likeness of content. It decides from plain data, and asks for the likeness only where
 * names fail.
 */
import type { Digest } from '../../contract/digest.ts';

export interface MatchedPart {
  /** Where it was found; see OpenedPart. */
  readonly label: string;
  /** See OpenedPart. */
  readonly piece?: { readonly of: string; readonly number: number };
  readonly length: number;
  readonly sha256: Digest;
}

type PartMatch =
  | { readonly kind: 'copy'; readonly oldPart: number }
  /** Old parts to try, the likeliest first; empty when there is nothing like it. */
  | {
      readonly kind: 'make';
      readonly candidates: readonly number[];
      /** False when they were found by likeness, or not at all. */
      readonly isNamed: boolean;
    };

/** Share of content that two parts have in common, 0 to 1, by their numbers. */
type Likeness = (newPart: number, oldPart: number) => number;

/** More are tried for parts that are quickly encoded. */
const maxCandidates = 3;
const quickBytes = 1024 * 1024;
/** By name alone a part of such another size is not taken for the same. */
const maxNamedRatio = 8;
const minLikeness = 0.02;
/** Pairs that are compared by content, at most. */
const maxComparisons = 20_000;

export function matchParts(
  olds: readonly MatchedPart[],
  news: readonly MatchedPart[],
  likeness: Likeness,
): PartMatch[] {
  const byDigest = firstOf(olds, (part) => part.sha256);
  const byPlace = groups(olds, labelWithoutVersions);
  const byName = groups(olds, (part) => nameOf(labelWithoutVersions(part)));
  const neighbour = neighbours(olds, news, byDigest);
  let comparisons = 0;
  return news.map((part, index): PartMatch => {
    const same = byDigest.get(part.sha256);
    if (same !== undefined) return { kind: 'copy', oldPart: same };
    const beside = neighbour(index);
    if (beside !== undefined) return { kind: 'make', candidates: [beside], isNamed: true };
    const closest = (numbers: readonly number[]) =>
      numbers
        .filter((old) => sizeRatio(part.length, olds[old]?.length ?? 0) <= maxNamedRatio)
        .toSorted(
          (a, b) => sizeRatio(part.length, olds[a]?.length ?? 0) - sizeRatio(part.length, olds[b]?.length ?? 0),
        );
    const place = labelWithoutVersions(part);
    let candidates = [...closest(byPlace.get(place) ?? []), ...closest(byName.get(nameOf(place)) ?? [])];
    const isNamed = candidates.length > 0;
    if (!isNamed && comparisons + olds.length <= maxComparisons) {
      comparisons += olds.length;
      candidates = olds
        .map((_, old) => ({ old, like: likeness(index, old) }))
        .filter(({ like }) => like >= minLikeness)
        .toSorted((a, b) => b.like - a.like)
        .map(({ old }) => old);
    }
    const count = part.length <= quickBytes ? maxCandidates : 1;
    return { kind: 'make', candidates: [...new Set(candidates)].slice(0, count), isNamed };
  });
}

/**
 * For a piece of a long part: the old piece at its place, counted from the nearest piece before it that did not change,
 * or from the first one.
 */
function neighbours(
  olds: readonly MatchedPart[],
  news: readonly MatchedPart[],
  byDigest: ReadonlyMap<string, number>,
): (index: number) => number | undefined {
  const wholeOf = ({ piece }: MatchedPart) =>
    piece === undefined ? undefined : labelWithoutVersions({ label: piece.of });
  const oldPieces = groups(
    olds.filter(({ piece }) => piece !== undefined),
    (part) => wholeOf(part) ?? '',
  );
  const numbers = olds.flatMap(({ piece }, index) => (piece === undefined ? [] : [index]));
  const last = new Map<string, { readonly number: number; readonly oldNumber: number }>();
  const found = news.map((part) => {
    const whole = wholeOf(part);
    const pieces = whole === undefined ? undefined : oldPieces.get(whole);
    if (whole === undefined || pieces === undefined || part.piece === undefined) return undefined;
    const oldAt = (number: number) => numbers[pieces[Math.min(number, pieces.length - 1)] ?? -1] ?? -1;
    const { number } = part.piece;
    const known = last.get(whole) ?? { number: 0, oldNumber: 0 };
    const expected = known.oldNumber + number - known.number;
    const same = olds[byDigest.get(part.sha256) ?? -1];
    // Bytes that are there many times, such as zeros, say nothing about the place when they are where they were.
    if (olds[oldAt(expected)]?.sha256 === part.sha256) last.set(whole, { number, oldNumber: expected });
    else if (same?.piece && wholeOf(same) === whole) last.set(whole, { number, oldNumber: same.piece.number });
    return oldAt(expected);
  });
  return (index) => found[index];
}

/** The label without what changes from release to release: the artifact's own name, offsets, digests, versions. */
function labelWithoutVersions({ label }: Pick<MatchedPart, 'label'>): string {
  return label
    .replace(/^[^@#/]*/, '')
    .replace(/@\d+/g, '@')
    .replace(/[0-9a-f]{64}/g, '*')
    .replace(/\d+(\.\d+)+/g, '*');
}

function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('/') + 1);
}

function sizeRatio(a: number, b: number): number {
  return Math.max(a, b) / Math.max(1, Math.min(a, b));
}

function firstOf<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [index, item] of items.entries()) if (!found.has(keyOf(item))) found.set(keyOf(item), index);
  return found;
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    found.set(key, [...(found.get(key) ?? []), index]);
  }
  return found;
}
