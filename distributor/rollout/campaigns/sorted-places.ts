/**
 * Sorts places of many devices in ascending order, a little at a time: a million at once would keep everybody waiting.
 * Places are evenly spread, so that each shelf gets its share.
 */
const shelfCount = 1024;
/** Some milliseconds of work. */
const sortedAtOnce = 20_000;

export class SortedPlaces {
  readonly #shelves: number[][] = Array.from({ length: shelfCount }, () => []);
  #count = 0;

  /** @param place in [0, 1) */
  add(place: number): void {
    this.#shelves[Math.floor(place * shelfCount)]?.push(place);
    this.#count += 1;
  }

  /** @param yieldToEventLoop ends a turn of the event loop */
  async sorted(yieldToEventLoop: () => Promise<void>): Promise<Float64Array> {
    const all = new Float64Array(this.#count);
    let filled = 0;
    let rested = 0;
    for (const shelf of this.#shelves) {
      all.set(Float64Array.from(shelf).sort(), filled);
      filled += shelf.length;
      if (filled - rested < sortedAtOnce) continue;
      await yieldToEventLoop();
      rested = filled;
    }
    return all;
  }
}
