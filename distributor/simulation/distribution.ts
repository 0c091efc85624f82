/**
 * Finds what a plan does to good and bad releases, over many runs that differ by chance alone: how often a release with
 * a given failure rate gets through, on how many devices it is at once, and how long that takes. The same seeds give
 * the same numbers.
 */
import { type SimulatedOutcome, simulatedOutcomes } from './result.ts';
import { type SimulationInput, simulate } from './simulate.ts';

/** The values at these shares of the runs, in order. */
export interface Spread {
  readonly median: number;
  readonly p95: number;
}

/** Of one failure rate. */
interface RateDistribution {
  readonly failureRate: number;
  readonly runs: number;
  /** How many runs ended so. */
  readonly outcomes: Readonly<Record<SimulatedOutcome, number>>;
  /** Most devices on the release at once, probation included. */
  readonly devicesOnRelease: Spread;
  /** From the start to the outcome, of the runs that completed; null where none did. */
  readonly completedAfterSeconds: Spread | null;
  /** The same of those that were aborted or stalled. */
  readonly stoppedAfterSeconds: Spread | null;
}

export interface Distribution {
  readonly rollout: string;
  readonly devices: number;
  readonly runs: number;
  /** Of the first run; each later one adds 1. */
  readonly seed: number;
  readonly rates: readonly RateDistribution[];
}

interface DistributionInput {
  readonly input: Omit<SimulationInput, 'failureRate'>;
  readonly failureRates: readonly number[];
  readonly runs: number;
  /** Called after each run with how many of all are done. */
  readonly progress: (done: number, all: number) => void;
}

export async function distributionOf({
  input,
  failureRates,
  runs,
  progress,
}: DistributionInput): Promise<Distribution> {
  let [rollout, devices, done] = ['', 0, 0];
  const rates: RateDistribution[] = [];
  for (const failureRate of failureRates) {
    const counts: Record<SimulatedOutcome, number> = { completed: 0, aborted: 0, stalled: 0 };
    const times: Record<SimulatedOutcome, number[]> = { completed: [], aborted: [], stalled: [] };
    const onRelease: number[] = [];
    for (let run = 0; run < runs; run++) {
      const { result } = await simulate({ ...input, failureRate, seed: input.seed + run });
      rollout = result.rollout;
      devices = result.devices;
      counts[result.outcome]++;
      times[result.outcome].push(result.finishedAfterSeconds);
      onRelease.push(result.worstCase);
      progress(++done, runs * failureRates.length);
    }
    const stopped = simulatedOutcomes.filter((outcome) => outcome !== 'completed').flatMap((outcome) => times[outcome]);
    rates.push({
      failureRate,
      runs,
      outcomes: counts,
      devicesOnRelease: spreadOf(onRelease) ?? { median: 0, p95: 0 },
      completedAfterSeconds: spreadOf(times.completed),
      stoppedAfterSeconds: spreadOf(stopped),
    });
  }
  return { rollout, devices, runs, seed: input.seed, rates };
}

/** By nearest rank: a value that occurred. */
export function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0 ? null : { median: at(0.5), p95: at(0.95) };
}
