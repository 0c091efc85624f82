/**
 * Runs steps that come in floods in groups: one group is under way, the next one gathers meanwhile. A group of writes
 * is one transaction and becomes durable by one commit.
 */
import type { OftenUse } from '../fleet-database.ts';
import type { DatabaseStep } from '../step.ts';
import { GroupFailed } from './connection.ts';
import { type StepResult, WroteInVain } from './side-by-side.ts';

/** More wait for the next group, so that a transaction stays short. */
const maxTogether = 256;
/** Of steps that have to wait for each other: more of them wait for the next group, so that the others do not. */
const maxInARow = 32;

export interface WaitingStep {
  readonly step: () => DatabaseStep<unknown>;
  readonly use: OftenUse;
  /** See sideBySide. */
  readonly keys: readonly string[];
}

interface Queued extends WaitingStep {
  readonly end: (ended: StepResult) => void;
}

export class Floods {
  readonly #runGroup: (group: readonly WaitingStep[]) => Promise<StepResult[]>;
  readonly #runAlone: (one: WaitingStep) => Promise<unknown>;
  #queue: Queued[] = [];
  #isUnderWay = false;

  /**
   * @param runGroup all of it or nothing; fails with GroupFailed where each may be tried alone
   * @param runAlone what a group could not do
   */
  constructor(
    runGroup: (group: readonly WaitingStep[]) => Promise<StepResult[]>,
    runAlone: (one: WaitingStep) => Promise<unknown>,
  ) {
    this.#runGroup = runGroup;
    this.#runAlone = runAlone;
  }

  add<T>(step: () => DatabaseStep<T>, use: OftenUse): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (ended: StepResult) => ('failure' in ended ? reject(ended.failure) : resolve(ended.value as T));
      const { locks = [], device } = use;
      const keys = device === undefined ? locks : [...locks, `device ${device}`];
      this.#queue.push({ step, use, keys, end });
      this.#start();
    });
  }

  #start(): void {
    if (this.#isUnderWay || this.#queue.length === 0) return;
    this.#isUnderWay = true;
    // After everything that this turn of the event loop brings.
    setImmediate(async () => {
      await this.#run(this.#take());
      this.#isUnderWay = false;
      this.#start();
    });
  }

  async #run(group: readonly Queued[]): Promise<void> {
    try {
      const ended = await this.#runGroup(group);
      for (const [index, one] of group.entries()) one.end(ended[index] ?? { failure: new TypeError('no end') });
    } catch (error) {
      if (error instanceof GroupFailed) for (const one of group) void this.#alone(one);
      else for (const one of group) one.end({ failure: error });
    }
  }

  async #alone(one: Queued): Promise<void> {
    try {
      one.end({ value: await this.#runAlone(one) });
    } catch (failure) {
      one.end({ failure });
    }
  }

  /** In order; who waits for one that waits waits, too. */
  #take(): Queued[] {
    const taken: Queued[] = [];
    const left: Queued[] = [];
    const counts = new Map<string, number>();
    for (const one of this.#queue) {
      const isLate = taken.length >= maxTogether || one.keys.some((key) => (counts.get(key) ?? 0) >= maxInARow);
      if (isLate) left.push(one);
      else taken.push(one);
      for (const key of one.keys) counts.set(key, isLate ? maxInARow : (counts.get(key) ?? 0) + 1);
    }
    this.#queue = left;
    return taken;
  }
}

/** Data that the database refuses, deadlocks, and locks that somebody keeps: not of every step of the group. */
const stepStates = /^(22|23|40|55|P0)/;

export function mayGoAlone(error: unknown, state: string): boolean {
  return error instanceof WroteInVain || stepStates.test(state);
}
