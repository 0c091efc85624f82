/** Counts bytes that a campaign moved in the period that ends now, and offers in it whose bytes nobody knows yet. */
import type { Spending } from '../rollout/deciding/decide-input.ts';
import type { VirtualAttempt } from './virtual-device.ts';

interface LedgerEntry {
  readonly at: number;
  readonly attempt: VirtualAttempt;
  readonly bytes: number;
}

export class SpendingLedger {
  readonly #periodMs: number;
  /** In order of time; what has left the period is skipped by the two positions. */
  readonly #moved: LedgerEntry[] = [];
  readonly #offers: LedgerEntry[] = [];
  #movedFrom = 0;
  #offersFrom = 0;
  #bytes = 0;
  readonly #reserved = new Set<VirtualAttempt>();
  #settledBytes = 0;
  #settled = 0;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** Every offer reserves anew what a download may cost. */
  offered(attempt: VirtualAttempt, now: number): void {
    this.#reserved.add(attempt);
    this.#offers.push({ at: now, attempt, bytes: 0 });
  }

  /** The device has all bytes. @param bytes moved for it since the last report */
  reported(attempt: VirtualAttempt, bytes: number, now: number): void {
    this.#reserved.delete(attempt);
    if (bytes === 0) return;
    this.#moved.push({ at: now, attempt, bytes });
    this.#bytes += bytes;
  }

  /** The attempt has its first result. */
  settled(attempt: VirtualAttempt): void {
    this.#settledBytes += attempt.bytesOnWire ?? 0;
    this.#settled++;
  }

  at(now: number): Spending {
    const since = now - this.#periodMs;
    for (let first = this.#moved[this.#movedFrom]; first && first.at <= since; ) {
      this.#bytes -= first.bytes;
      first = this.#moved[++this.#movedFrom];
    }
    for (let first = this.#offers[this.#offersFrom]; first && first.at <= since; ) {
      // Offered again since: a later entry holds it.
      if ((first.attempt.offeredAt ?? 0) <= since) this.#reserved.delete(first.attempt);
      first = this.#offers[++this.#offersFrom];
    }
    const meanBytes = this.#settled === 0 ? undefined : this.#settledBytes / this.#settled;
    return { bytes: this.#bytes, reserved: this.#reserved.size, meanBytes };
  }
}
