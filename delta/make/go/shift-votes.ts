/**
 * Gathers pairs of old and new values of one kind and fits the run-length table that predicts most of them at the
 * least cost.
 */
import { maxShiftRuns, type ShiftRuns } from '../../go/shift-table.ts';

/** What a run costs in the side tables, in units of a wrong value in the prediction. */
const runCost = 1.6;
/** Shifts that compete at one place. */
const maxRivals = 12;

export class ShiftVotes {
  /** Old value → shift and votes, alternating. */
  readonly #votes = new Map<number, number[]>();

  add(oldValue: number, newValue: number, weight = 1): void {
    const shift = newValue - oldValue;
    const votes = this.#votes.get(oldValue);
    if (votes === undefined) {
      this.#votes.set(oldValue, [shift, weight]);
      return;
    }
    for (let i = 0; i < votes.length; i += 2) {
      if (votes[i] === shift) {
        votes[i + 1] = (votes[i + 1] as number) + weight;
        return;
      }
    }
    if (votes.length < 64) votes.push(shift, weight);
  }

  /** A vote that counts only where there is none yet. */
  addUnknown(oldValue: number, newValue: number, weight: number): void {
    if (!this.#votes.has(oldValue)) this.add(oldValue, newValue, weight);
  }

  /** The cheapest table: a walk over old values that keeps, for each recent shift, the best way to end with it. */
  cheapestRuns(): ShiftRuns {
    const values = Float64Array.from(this.#votes.keys()).sort();
    let rivals: Way[] = [{ shift: 0, cost: 0, run: undefined }];
    for (const value of values) rivals = step(rivals, value, this.#votes.get(value) as number[]);
    let best = rivals[0] as Way;
    for (const way of rivals) if (way.cost < best.cost) best = way;
    const runs: Run[] = [];
    for (let run = best.run; run !== undefined; run = run.before) runs.push(run);
    runs.reverse().splice(maxShiftRuns);
    return { starts: Uint32Array.from(runs, (run) => run.start), shifts: Int32Array.from(runs, (run) => run.shift) };
  }
}

interface Run {
  readonly start: number;
  readonly shift: number;
  readonly before: Run | undefined;
}

interface Way {
  readonly shift: number;
  cost: number;
  run: Run | undefined;
}

function step(ways: Way[], value: number, votes: number[]): Way[] {
  let total = 0;
  let cheapest = ways[0] as Way;
  for (let i = 1; i < votes.length; i += 2) total += votes[i] as number;
  for (const way of ways) if (way.cost < cheapest.cost) cheapest = way;
  const before = { cost: cheapest.cost, run: cheapest.run };
  for (const way of ways) {
    let right = 0;
    for (let i = 0; i < votes.length; i += 2) if (votes[i] === way.shift) right = votes[i + 1] as number;
    way.cost += total - right;
  }
  for (let i = 0; i < votes.length; i += 2) {
    const shift = votes[i] as number;
    const cost = before.cost + runCost + total - (votes[i + 1] as number);
    const run = { start: value, shift, before: before.run };
    const known = ways.find((way) => way.shift === shift);
    if (known === undefined) ways.push({ shift, cost, run });
    else if (cost < known.cost) {
      known.cost = cost;
      known.run = run;
    }
  }
  if (ways.length <= maxRivals) return ways;
  return ways.sort((a, b) => a.cost - b.cost).slice(0, maxRivals);
}
