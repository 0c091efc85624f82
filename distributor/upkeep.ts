/** What the server does between requests: look at the store and the rollouts, let campaigns advance, log and count it. */
import type { FastifyBaseLogger } from 'fastify';
import { describeError, toSlipwayError } from '../contract/errors.ts';
import type { Metrics } from './http/metrics.ts';
import { reachedOf } from './rollout/campaign.ts';
import type { CampaignEvent } from './rollout/campaigns.ts';
import type { RolloutSource } from './rollout/ports.ts';
import type { Services } from './services.ts';

export interface UpkeepInput {
  readonly services: Services;
  readonly source: RolloutSource;
  readonly logger: FastifyBaseLogger;
  readonly refreshIntervalMs: number;
  readonly advanceIntervalMs: number;
}

/** Call `start` once; `stop` ends timers and watches, what is under way finishes on its own. */
export class Upkeep {
  readonly #input: UpkeepInput;
  readonly #stops: (() => void)[] = [];
  #isAdvancing = false;
  #lastProblem: string | undefined;

  constructor(input: UpkeepInput) {
    this.#input = input;
  }

  /** Brings everything up to date once, then keeps it so. A store that is away stops nothing. */
  async start(): Promise<void> {
    const { services, source, refreshIntervalMs, advanceIntervalMs } = this.#input;
    await services.campaigns.start(services.clock());
    await this.#refreshCatalog();
    await this.#advance();
    this.#every(refreshIntervalMs, () => this.#refreshAll());
    this.#every(advanceIntervalMs, () => this.#advance());
    this.#stops.push(source.watch(() => void this.#reload()));
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async #refreshAll(): Promise<void> {
    await this.#refreshCatalog();
    await this.#reload();
  }

  async #reload(): Promise<void> {
    const { services } = this.#input;
    await services.campaigns.reload(services.clock());
    await this.#advance();
  }

  async #refreshCatalog(): Promise<void> {
    const { services, logger } = this.#input;
    const { catalog, metrics } = services;
    const hasChanged = await catalog.refresh(new Date(services.clock()));
    const { problem, releases, skipped } = catalog.state;
    metrics.catalogStale.set(problem ? 1 : 0);
    metrics.catalogReleases.set(releases.size);
    if (problem && problem.message !== this.#lastProblem) logger.error(describeError(problem), 'store not read');
    this.#lastProblem = problem?.message;
    if (hasChanged) logger.info({ releases: releases.size, skipped }, 'store read');
  }

  async #advance(): Promise<void> {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    const { services, logger } = this.#input;
    try {
      const now = services.clock();
      await services.campaigns.advanceAll(now);
      await this.#countDevices(now);
    } catch (error) {
      logger.error(describeError(toSlipwayError(error)), 'campaigns not advanced');
    } finally {
      this.#isAdvancing = false;
    }
  }

  async #countDevices(now: number): Promise<void> {
    const { campaigns, metrics } = this.#input.services;
    metrics.rolloutsRefused.set(campaigns.problem ? 1 : 0);
    metrics.rolloutDevices.reset();
    for (const { rollout, counts } of await campaigns.views(now)) {
      for (const wave of counts) {
        for (const standing of ['committed', 'failed', 'pending', 'unreachable'] as const) {
          metrics.rolloutDevices.inc({ rollout: rollout.name, standing }, wave[standing]);
        }
        metrics.rolloutDevices.inc({ rollout: rollout.name, standing: 'reached' }, reachedOf(wave));
      }
    }
  }

  #every(intervalMs: number, work: () => Promise<void>): void {
    const timer = setInterval(() => void work(), intervalMs);
    this.#stops.push(() => clearInterval(timer));
  }
}

/** Logs and counts what happened to the campaigns. */
export function observeCampaigns(event: CampaignEvent, logger: FastifyBaseLogger, metrics: Metrics): void {
  switch (event.kind) {
    case 'declared':
      logger.info({ rollouts: event.rollouts, contentSha256: event.contentSha256 }, 'rollouts declared');
      break;
    case 'refused':
      logger.error(describeError(event.problem), 'declared rollouts refused; those accepted last stay in force');
      break;
    case 'advanced':
      metrics.rolloutTransitions.inc({ kind: event.advance.kind });
      logger.info({ ...event.key, step: event.advance.kind, reason: event.advance.reason }, 'rollout advanced');
      break;
    case 'controlled':
      metrics.rolloutTransitions.inc({ kind: event.action });
      logger.info({ ...event.key, action: event.action, by: event.by }, 'rollout controlled');
      break;
    default:
      event satisfies never;
  }
}
