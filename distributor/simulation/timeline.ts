/**
 * Records how many devices stood where at each minute of a simulation, for pictures. Minutes without news are left out.
 */
import type { CampaignRun, Sums } from './campaign-run.ts';
import { tickMs } from './virtual-server.ts';

export interface Sample extends Sums {
  /** Milliseconds since 1970; what it says holds until the next one. */
  readonly at: number;
}

export class Timeline {
  readonly #runs: readonly CampaignRun[];
  readonly #samples = new Map<string, Sample[]>();
  #nextAt: number;

  constructor(runs: readonly CampaignRun[], start: number) {
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
    for (const run of this.#runs) run.isNews = true;
    this.#write(now);
  }

  #write(at: number): void {
    for (const run of this.#runs) {
      if (!run.isNews) continue;
      run.isNews = false;
      this.#samples.get(run.name)?.push({ at, ...run.sums() });
    }
  }
}
