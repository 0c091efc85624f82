/** Finds the word of a list that is most like a word that a person wrote. */

/** @param words each with how many there are of it; of words equally near the one with more, then the first by name */
export function nearest(written: string, words: ReadonlyMap<string, number>): string | undefined {
  let best: { readonly word: string; readonly steps: number; readonly count: number } | undefined;
  for (const [word, count] of words) {
    const steps = stepsBetween(written, word, best?.steps ?? Number.POSITIVE_INFINITY);
    if (best && (steps > best.steps || (steps === best.steps && !isMore(word, count, best)))) continue;
    best = { word, steps, count };
  }
  return best?.word;
}

function isMore(word: string, count: number, best: { readonly word: string; readonly count: number }): boolean {
  return count > best.count || (count === best.count && word < best.word);
}

/**
 * Letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
 * @param most beyond it the exact number does not matter: Infinity stands for it
 */
export function stepsBetween(one: string, other: string, most = Number.POSITIVE_INFINITY): number {
  if (Math.abs(one.length - other.length) > most) return Number.POSITIVE_INFINITY;
  let [before, last] = [[] as number[], Array.from({ length: other.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      let steps = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwapped) steps = Math.min(steps, (before[j - 2] ?? 0) + 1);
      row.push(steps);
      least = Math.min(least, steps);
    }
    if (least > most) return Number.POSITIVE_INFINITY;
    [before, last] = [last, row];
  }
  return last[other.length] ?? 0;
}
