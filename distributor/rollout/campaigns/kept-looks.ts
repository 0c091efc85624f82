/**
 * Keeps for a while what looks at the whole fleet found: the longer a look took, the longer. Devices that come and
 * plans that change make all of it old.
 */

const lookAgainMs = 1000;
/** So many devices that were looked at add a millisecond. */
const devicesPerMs = 50;

interface Kept<T> {
  readonly found: T;
  readonly since: number;
  readonly until: number;
}

export class KeptLooks<T> {
  readonly #kept = new Map<string, Kept<T>>();

  get isEmpty(): boolean {
    return this.#kept.size === 0;
  }

  /** Undefined where nobody looked, or too long ago. */
  at(key: string, now: number): T | undefined {
    const kept = this.#kept.get(key);
    if (kept && kept.since <= now && now < kept.until) return kept.found;
    this.#kept.delete(key);
    return undefined;
  }

  /** @param looked devices that were looked at */
  keep(key: string, found: T, looked: number, now: number): void {
    this.#kept.set(key, { found, since: now, until: now + lookAgainMs + Math.floor(looked / devicesPerMs) });
  }

  forget(): void {
    this.#kept.clear();
  }
}
