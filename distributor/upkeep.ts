/**
 * Does what the server does between requests: looks at the store and the rollouts, lets campaigns advance, removes what
 * is kept no longer, logs and counts it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { describeError, toSlipwayError } from '../contract/errors.ts';
import type { Retention } from './fleet/ports.ts';
import type { Freshness } from './freshness/freshness.ts';
import { showExpiries } from './http/expiry-gauges.ts';
import type { Metrics } from './http/metrics.ts';
import { showRollouts } from './http/rollout-gauges.ts';
import { showTroubles } from './http/trouble-gauges.ts';
import type { ReconcileEvent } from './reconcile/reconcile.ts';
import type { CampaignEvent } from './rollout/campaigns/campaign-event.ts';
import type { Services } from './services.ts';

/** Enough for a look at some thousand devices. */
const firstLookPatienceMs = 150;

/** A timestamp is signed again when half of a day or more is over. */
const freshnessIntervalMs = 15 * 60_000;

interface UpkeepInput {
  readonly services: Omit<Services, 'isStarted'>;
  readonly logger: FastifyBaseLogger;
  readonly refreshIntervalMs: number;
  readonly advanceIntervalMs: number;
  readonly retention: Retention;
  readonly pruneIntervalMs: number;
  readonly tokenUseIntervalMs: number;
  readonly freshness?: Pick<Freshness, 'look'>;
}

/** Call `start` once; `stop` ends timers and watches, what is under way finishes on its own. */
export class Upkeep {
  readonly #input: UpkeepInput;
  readonly #stops: (() => void)[] = [];
  #isAdvancing = false;
  #isPruning = false;
  #isStarted = false;
  #isStopped = false;
  #lastProblem: string | undefined;

  constructor(input: UpkeepInput) {
    this.#input = input;
  }

  /** Everything was brought up to date once. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /**
   * Reads rollouts and store, then keeps everything up to date. The first look at the campaigns is waited for, but not
   * for long: with many devices it takes its time, and the server answers meanwhile. A store that is away stops
   * nothing.
   */
  async start(): Promise<void> {
    const { services, refreshIntervalMs, advanceIntervalMs, pruneIntervalMs, tokenUseIntervalMs } = this.#input;
    const { reconciler } = services;
    await reconciler.start();
    this.#stops.push(() => reconciler.stop());
    await this.#refreshCatalog();
    const patience = new AbortController();
    await Promise.race([
      this.#advance(),
      pause(firstLookPatienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    if (this.#isStopped) return this.stop();
    this.#isStarted = true;
    this.#every(refreshIntervalMs, () => this.#refreshAll());
    this.#every(advanceIntervalMs, () => this.#advance());
    this.#stops.push(reconciler.onChange(() => void this.#advance()));
    this.#every(freshnessIntervalMs, () => this.#keepFresh());
    this.#every(tokenUseIntervalMs, () => this.saveTokenUse());
    this.#every(pruneIntervalMs, () => this.#prune());
    void this.#countTroubles();
    void this.#keepFresh();
    // A start does not wait for it: after a long time there may be much to remove.
    void this.#prune();
  }

  stop(): void {
    this.#isStopped = true;
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Also once at the end, when nobody asks any more. */
  async saveTokenUse(): Promise<void> {
    const { services, logger } = this.#input;
    await services.tokenUse.save(services.fleet).catch((error) => {
      logger.error(describeError(toSlipwayError(error)), 'last use of tokens not recorded');
    });
  }

  /** Plans that come by API come to one replica; the others find them here. */
  async #refreshAll(): Promise<void> {
    const { services, logger } = this.#input;
    await this.#refreshCatalog();
    await this.#countTroubles();
    await services.reconciler.catchUp().catch((error) => {
      logger.error(describeError(toSlipwayError(error)), 'plan in force not read');
    });
  }

  async #refreshCatalog(): Promise<void> {
    const { services, logger } = this.#input;
    const { catalog, metrics } = services;
    const hasChanged = await catalog.refresh(new Date(services.clock()));
    const { problem, releases, skipped, expiries } = catalog.state;
    metrics.catalogStale.set(problem ? 1 : 0);
    metrics.catalogReleases.set(releases.size);
    if (hasChanged) showExpiries(metrics, expiries);
    if (problem && problem.message !== this.#lastProblem) logger.error(describeError(problem), 'store not read');
    this.#lastProblem = problem?.message;
    if (hasChanged) logger.info({ releases: releases.size, skipped }, 'store read');
  }

  /** What was signed is served at once. */
  async #keepFresh(): Promise<void> {
    if (await this.#input.freshness?.look()) await this.#refreshCatalog();
  }

  async #countTroubles(): Promise<void> {
    const { services, logger } = this.#input;
    try {
      showTroubles(services.metrics, await services.fleet.countTroubles());
    } catch (error) {
      logger.error(describeError(toSlipwayError(error)), 'troubles of devices not counted');
    }
  }

  async #advance(): Promise<void> {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    const { services, logger } = this.#input;
    try {
      const now = services.clock();
      services.metrics.leader.set((await services.campaigns.advanceAll(now)) ? 1 : 0);
      await this.#show(now);
    } catch (error) {
      services.metrics.leader.set(0);
      logger.error(describeError(toSlipwayError(error)), 'campaigns not advanced');
    } finally {
      this.#isAdvancing = false;
    }
  }

  async #show(now: number): Promise<void> {
    const { campaigns, metrics, reconciler } = this.#input.services;
    metrics.rolloutsRefused.set(reconciler.problem ? 1 : 0);
    const { applied, lookedAt } = reconciler;
    if (applied && lookedAt !== undefined) metrics.planReconciledAt.set(lookedAt / 1000);
    if (applied) metrics.planAppliedAt.set(applied.appliedAt / 1000);
    showRollouts(metrics, await campaigns.views(now));
  }

  /** One replica does it for all. */
  async #prune(): Promise<void> {
    if (this.#isPruning) return;
    this.#isPruning = true;
    const { services, logger, retention } = this.#input;
    const { fleet, clock } = services;
    try {
      const pruned = await fleet.asLeader(() => fleet.prune(retention, clock()));
      if (pruned && Object.values(pruned).some((count) => count > 0))
        logger.info(pruned, 'what is kept no longer removed');
    } catch (error) {
      logger.error(describeError(toSlipwayError(error)), 'what is kept no longer not removed');
    } finally {
      this.#isPruning = false;
    }
  }

  #every(intervalMs: number, work: () => Promise<void>): void {
    const timer = setInterval(() => void work(), intervalMs);
    this.#stops.push(() => clearInterval(timer));
  }
}

/** Logs and counts what came into force and what did not. */
export function observeReconciler(event: ReconcileEvent, logger: FastifyBaseLogger, metrics: Metrics): void {
  switch (event.kind) {
    case 'applied': {
      metrics.planReconciliations.inc({ outcome: 'applied' });
      const { revision, author, subject, diff } = event.applied;
      logger.info({ revision, author, subject, changes: diff.length }, 'plan applied');
      break;
    }
    case 'refused':
      metrics.planReconciliations.inc({ outcome: 'refused' });
      logger.error(
        { ...event.snapshot, ...describeError(event.problem) },
        'plan not applied; the last one stays in force',
      );
      break;
    case 'healed':
      logger.info('the source of plans is in force again');
      break;
    default:
      event satisfies never;
  }
}

/** Logs and counts what happened to the campaigns. */
export function observeCampaigns(event: CampaignEvent, logger: FastifyBaseLogger, metrics: Metrics): void {
  switch (event.kind) {
    case 'advanced':
      metrics.rolloutTransitions.inc({ kind: event.transition.kind });
      logger.info({ ...event.key, step: event.transition.kind, reason: event.transition.reason }, 'rollout advanced');
      break;
    case 'failed':
      logger.error({ ...event.key, ...describeError(event.problem) }, 'rollout not advanced');
      break;
    case 'held':
      // Told at every look: the gauges and the audit log have it.
      break;
    case 'controlled':
      metrics.rolloutTransitions.inc({ kind: event.action });
      logger.info({ ...event.key, action: event.action, by: event.by }, 'rollout controlled');
      break;
    default:
      event satisfies never;
  }
}
