/**
 * Records how many devices stood where at each minute of a simulation, for pictures. Minutes without news are left out.
 */
import type { RolloutRun, Sums } from './rollout-run.ts';
import { tickMs } from './simulated-server.ts';

export interface Sample extends Sums {
  /** Milliseconds since 1970; what it says holds until the next one. */
  readonly at: number;
}

export class Timeline {
  readonly #runs: readonly RolloutRun[];
  readonly #samples = new Map<string, Sample[]>();
  #nextAt: number;

  constructor(runs: readonly RolloutRun[], start: number) {
    this.#runs = runs;
    this.#nextAt = start;
    for (const { name } of runs) this.#samples.set(name, []);
  }

  /** Samples of a rollout in order of time. */
  of(rollout: string): readonly Sample[] {
    return this.#samples.get(rollout) ?? [];
  }

  /** To be called before anything happens at `now`. */
  upTo(now: number): void {
    if (now < this.#nextAt) return;
    this.#write(now);
    this.#nextAt = now + tickMs - ((now - this.#nextAt) % tickMs);
  }

  end(now: number): void {
    for (const run of this.#runs) this.#samples.get(run.name)?.push({ at: now, ...run.sums(now) });
  }

  #write(at: number): void {
    for (const run of this.#runs) {
      const samples = this.#samples.get(run.name);
      const sums = run.sums(at);
      const last = samples?.at(-1);
      if (!last || !isSame(last, sums)) samples?.push({ at, ...sums });
    }
  }
}

function isSame(one: Sums, other: Sums): boolean {
  const { committed, failed, pending, unreachable } = one;
  const isSettledAlike = committed === other.committed && failed === other.failed;
  return isSettledAlike && pending === other.pending && unreachable === other.unreachable;
}
