/**
 * Remembers which reports of a device were received: all up to one sequence but those in a few gaps. A gap below it is
 * one that the device itself does not remember, because it kept no more or lost its disk. If a report of a gap comes
 * after all, it still counts.
 */

/** First and last sequence. */
type Gap = readonly [number, number];

/** Older gaps are taken for received: nothing can come of them any more. */
const rememberedGaps = 8;

export class ReceivedSequences {
  #through: number;
  #gaps: readonly Gap[];

  private constructor(through: number, gaps: readonly Gap[]) {
    this.#through = through;
    this.#gaps = gaps;
  }

  /** @param text as `text` gave it; null for no gaps */
  static parse(through: number, text: string | null): ReceivedSequences {
    return new ReceivedSequences(through, text === null ? [] : (JSON.parse(text) as Gap[]));
  }

  /** What the device may forget. */
  get through(): number {
    return this.#through;
  }

  get text(): string | null {
    return this.#gaps.length === 0 ? null : JSON.stringify(this.#gaps);
  }

  has(sequence: number): boolean {
    return sequence <= this.#through && !this.#gaps.some(([first, last]) => first <= sequence && sequence <= last);
  }

  /** One that came: it is in no gap any more. */
  fill(sequence: number): void {
    this.#gaps = this.#gaps.flatMap(([first, last]): Gap[] => {
      if (sequence < first || last < sequence) return [[first, last]];
      return [
        ...(first < sequence ? [[first, sequence - 1] as const] : []),
        ...(sequence < last ? [[sequence + 1, last] as const] : []),
      ];
    });
  }

  /**
   * Goes on over what is stored without a gap. A device sends what it remembers from the first one that was not
   * acknowledged: when it sends one again with a gap before it, it does not remember what belongs there.
   * @param stored sequences above `through`, ascending
   * @param sent in this request
   * @param fresh those of `sent` that had not come before
   */
  advance(stored: readonly number[], sent: readonly number[], fresh: ReadonlySet<number>): void {
    const lowest = Math.min(...sent.filter((sequence) => sequence > this.#through));
    const isForgotten = lowest > this.#through + 1 && Number.isFinite(lowest) && !fresh.has(lowest);
    if (isForgotten && stored[0] === lowest) {
      this.#gaps = [...this.#gaps, [this.#through + 1, lowest - 1] as const].slice(-rememberedGaps);
      this.#through = lowest - 1;
    }
    for (const sequence of stored) {
      if (sequence !== this.#through + 1) break;
      this.#through = sequence;
    }
  }
}
