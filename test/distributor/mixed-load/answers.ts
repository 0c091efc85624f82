/** What a crowd of clients was answered, by what they asked for. */
export class Answers {
  readonly #counts = new Map<string, number>();

  count(kind: string, outcome: string | number): void {
    const key = `${kind} ${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Of one kind, all outcomes that begin with `start`. */
  of(kind: string, start: string): number {
    let sum = 0;
    for (const [key, count] of this.#counts) if (key.startsWith(`${kind} ${start}`)) sum += count;
    return sum;
  }

  toString(): string {
    return [...this.#counts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, count]) => `${key}: ${count}`)
      .join(', ');
  }
}
