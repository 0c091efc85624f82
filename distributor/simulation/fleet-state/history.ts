/** Keeps in memory which plans came into force and what happened, and lets go of what is old. */
import { SlipwayError } from '../../../contract/errors.ts';
import { planKinds, planRefused } from '../../events/audit.ts';
import type { AuditEvent, RecordedEvent } from '../../events/ports.ts';
import type { Retention } from '../../fleet/ports.ts';
import type { AppliedPlan, AppliedSummary } from '../../reconcile/applied-plan.ts';
import type { RefusedRevision } from '../../reconcile/ports.ts';
import { slotOf } from '../../rollout/spending-slot.ts';
import type { CampaignEntry, MemoryTables } from './tables.ts';

const dayMs = 86_400_000;
/** Longer than any budget's period. */
const spendingDays = 400;

export class History {
  readonly #tables: MemoryTables;
  #plans: AppliedPlan[] = [];
  #events: RecordedEvent[] = [];
  #lastId = 0;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  /** The one in force; undefined before the first. */
  get plan(): AppliedPlan | undefined {
    return this.#plans.at(-1);
  }

  get lastId(): number {
    return this.#lastId;
  }

  put(applied: AppliedPlan): void {
    this.#plans.push(applied);
  }

  plans(limit: number): AppliedSummary[] {
    return this.#plans
      .toReversed()
      .slice(0, limit)
      .map(({ plan: _, ...summary }) => summary);
  }

  refuse(refused: RefusedRevision, at: number): void {
    const event = planRefused(
      refused,
      this.#events.findLast(({ kind }) => planKinds.includes(kind)),
      at,
    );
    if (event) this.append(event);
  }

  /** @throws SlipwayError `database-unavailable` where it would not be told: to be called before the act that it is of */
  check(event: AuditEvent | undefined): void {
    if (event && typeof event.reason !== 'string') {
      throw new SlipwayError('database-unavailable', 'an event without a reason is not kept');
    }
  }

  append(event: AuditEvent): void {
    this.check(event);
    this.#events.push({ id: ++this.#lastId, ...event });
  }

  events(after: number, limit: number): RecordedEvent[] {
    return this.#events.filter(({ id }) => id > after).slice(0, limit);
  }

  /** See FleetState.prune. */
  prune(retention: Retention, now: number) {
    const before = now - retention.eventDays * dayMs;
    const plans = this.#prunePlans(Math.max(retention.plans, 1), before);
    let attempts = 0;
    for (const campaign of this.#ended(now - retention.attemptDays * dayMs)) {
      attempts += campaign.attempts.length;
      for (const entry of campaign.attempts) entry.device.attempts.splice(entry.device.attempts.indexOf(entry), 1);
      this.#tables.keepAttempts(campaign, []);
    }
    for (const { spendings } of this.#tables.campaigns.values()) {
      spendings.forgetBefore(slotOf(now - spendingDays * dayMs));
    }
    return { plans, attempts, events: this.#pruneEvents(before, now) };
  }

  /** What older ones say goes, and the record of those that are very old. */
  #prunePlans(kept: number, before: number): number {
    const old = this.#plans.slice(0, -kept);
    const known = old.filter(({ appliedAt }) => appliedAt >= before);
    this.#plans = [...known, ...this.#plans.slice(-kept)];
    return old.length;
  }

  #ended(before: number): CampaignEntry[] {
    const all = [...this.#tables.campaigns.values()].filter(({ state }) => state !== undefined);
    const newest = new Map(all.map((campaign) => [campaign.key.rollout, campaign]));
    const judged = new Set((this.plan?.plan.rollouts ?? []).map(({ name }) => newest.get(name)));
    return all.filter((campaign) => {
      const { status, changedAt } = campaign.state ?? { status: 'active', changedAt: before };
      return ['completed', 'aborted'].includes(status) && changedAt < before && !judged.has(campaign);
    });
  }

  #pruneEvents(before: number, now: number): number {
    const kept = this.#events.filter(({ at }) => at >= before);
    const removed = this.#events.length - kept.length;
    if (removed === 0) return 0;
    this.#events = kept;
    const reason = `Events before ${new Date(before).toISOString()} are removed.`;
    this.append({ at: now, actor: 'retention', kind: 'events-removed', reason });
    return removed;
  }
}
