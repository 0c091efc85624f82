/** A plan store in memory that keeps what a database would: JSON, once saved. Replicas share one and one of them leads. */
import type { AppliedPlan } from '../../distributor/reconcile/applied-plan.ts';
import type { PlanStore, RefusedRevision } from '../../distributor/reconcile/ports.ts';

export class KeptPlans implements PlanStore {
  readonly refused: RefusedRevision[] = [];
  /** The handle: false makes this replica a follower. */
  leads = true;
  readonly #texts: string[];

  /** @param other a store whose plans this one shares */
  constructor(other?: KeptPlans) {
    this.#texts = other ? other.#texts : [];
  }

  async loadPlan(): Promise<AppliedPlan | undefined> {
    const text = this.#texts.at(-1);
    return text === undefined ? undefined : (JSON.parse(text) as AppliedPlan);
  }

  async savePlan(applied: AppliedPlan): Promise<void> {
    this.#texts.push(JSON.stringify(applied));
  }

  async listAppliedPlans(limit: number): Promise<AppliedPlan[]> {
    return this.#texts
      .toReversed()
      .slice(0, limit)
      .map((text) => JSON.parse(text) as AppliedPlan);
  }

  async recordRefusal(refused: RefusedRevision): Promise<void> {
    this.refused.push(refused);
  }

  async asLeader<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.leads ? work() : undefined;
  }
}
