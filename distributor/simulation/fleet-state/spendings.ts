/** Counts the bytes that one campaign costs by time, in slots of ten minutes, as the fleet database does. */
import type { Spending } from '../../rollout/deciding/decide-input.ts';
import { slotOf } from '../../rollout/spending-slot.ts';

export class Spendings {
  readonly #bytes = new Map<number, number>();
  readonly #reserved = new Map<number, number>();
  #settled = 0;
  #settledBytes = 0;

  of(perSeconds: number, now: number): Spending {
    const since = Math.max(1, slotOf(now - perSeconds * 1000));
    const meanBytes = this.#settled === 0 ? undefined : Math.round(this.#settledBytes / this.#settled);
    return { bytes: sumSince(this.#bytes, since), reserved: sumSince(this.#reserved, since), meanBytes };
  }

  spend(bytes: number, at: number): void {
    add(this.#bytes, slotOf(at), bytes);
  }

  /** An attempt has its first result after this number of bytes. */
  settle(bytes: number): void {
    this.#settled++;
    this.#settledBytes += bytes;
  }

  reserve(slot: number, by: 1 | -1): void {
    add(this.#reserved, slot, by);
  }

  forgetBefore(slot: number): void {
    for (const sums of [this.#bytes, this.#reserved]) for (const one of sums.keys()) if (one < slot) sums.delete(one);
  }
}

function add(sums: Map<number, number>, slot: number, by: number): void {
  const sum = (sums.get(slot) ?? 0) + by;
  if (sum === 0) sums.delete(slot);
  else sums.set(slot, sum);
}

function sumSince(sums: ReadonlyMap<number, number>, since: number): number {
  let sum = 0;
  for (const [slot, one] of sums) if (slot >= since) sum += one;
  return sum;
}
