/**
 * Lets the server hear from a device whose work takes longer than a poll: reports and a check whose answer is not
 * followed. What does not get through is no failure of the work.
 */
import { toSlipwayError } from '../../contract/errors.ts';
import type { Clock, Heartbeat, Narrator } from '../ports.ts';
import { ServerBusy } from './server-busy.ts';

interface HeartbeatOptions {
  readonly clock: Clock;
  readonly narrator: Narrator;
  readonly intervalSeconds: number;
  readonly tell: (signal: AbortSignal) => Promise<void>;
}

export class ServerHeartbeat implements Heartbeat {
  readonly #options: HeartbeatOptions;
  #dueAt: number;
  #beating: Promise<void> | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#dueAt = options.clock.monotonicSeconds() + options.intervalSeconds;
  }

  /** To be called after each contact. */
  heard(): void {
    this.#postpone(0);
  }

  get secondsUntilDue(): number {
    return Math.max(0, this.#dueAt - this.#options.clock.monotonicSeconds());
  }

  beat(signal: AbortSignal): void {
    if (this.secondsUntilDue > 0 || this.#beating || signal.aborted) return;
    this.#postpone(0);
    this.#beating = this.#tell(signal).finally(() => {
      this.#beating = undefined;
    });
  }

  /** Ends when none is under way. */
  async settled(): Promise<void> {
    await this.#beating;
  }

  async #tell(signal: AbortSignal): Promise<void> {
    try {
      await this.#options.tell(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof ServerBusy) this.#postpone(thrown.retryAfterSeconds);
      const { code, message } = toSlipwayError(thrown);
      this.#options.narrator.warn(code, message);
    }
  }

  #postpone(seconds: number): void {
    const { clock, intervalSeconds } = this.#options;
    this.#dueAt = clock.monotonicSeconds() + Math.max(seconds, intervalSeconds);
  }
}
