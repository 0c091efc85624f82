/**
 * Wires what keeps a plan in force and its campaigns going: once for a server, an operator's desk on the state, the
 * fleets of tests and a simulation, so that none of them decides or records otherwise.
 */
import type { ReleaseIndex } from './catalog/releases.ts';
import { CampaignLog, revertsOnAbort } from './events/campaign-log.ts';
import type { FleetState } from './fleet/ports.ts';
import type { DeclarationSource, PlanReader } from './reconcile/ports.ts';
import { type ReconcileEvent, Reconciler } from './reconcile/reconcile.ts';
import type { CampaignEvent } from './rollout/campaigns/campaign-event.ts';
import { Campaigns } from './rollout/campaigns/campaigns.ts';
import type { GateProbe } from './rollout/campaigns/gates.ts';

/** What rollouts are decided by, and who is told of them. */
export interface RolloutsOutside {
  readonly fleet: FleetState;
  readonly releases: () => ReleaseIndex;
  /** Undefined where plans come by API, or are those of the state alone. */
  readonly source: DeclarationSource | undefined;
  readonly readPlan: PlanReader;
  readonly probe: GateProbe;
  /** Whether an abort can send devices back where its rollout says so. */
  readonly canRevert: boolean;
  /** Take a revision of the plan that does not build on the one in force. */
  readonly allowRewrite: boolean;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly observe: RolloutObserver;
  /** Ends a turn of the event loop, so that requests are answered between two pieces of long work. */
  readonly yieldToEventLoop: () => Promise<void>;
}

interface RolloutObserver {
  reconciled(event: ReconcileEvent): void;
  campaign(event: CampaignEvent): void;
  /** An event of a campaign that is not on record. */
  problem(error: unknown): void;
}

export interface Rollouts {
  readonly reconciler: Reconciler;
  readonly campaigns: Campaigns;
  /** Resolves when all that was to be put on record is, or was told as a problem. */
  settled(): Promise<void>;
}

export function composeRollouts(outside: RolloutsOutside): Rollouts {
  const { fleet, source, readPlan, releases, probe, canRevert, allowRewrite, clock, observe, yieldToEventLoop } =
    outside;
  const reconciler = new Reconciler({
    source,
    store: fleet,
    readPlan,
    clock,
    allowRewrite,
    observe: (event) => observe.reconciled(event),
  });
  const log = new CampaignLog({
    store: fleet,
    reverts: (rollout) => canRevert && revertsOnAbort(reconciler.plan, rollout),
    clock,
    onProblem: (error) => observe.problem(error),
  });
  const campaigns = new Campaigns({
    plan: reconciler,
    store: fleet,
    releases,
    probe,
    yieldToEventLoop,
    observe: (event) => {
      observe.campaign(event);
      log.note(event);
    },
  });
  return { reconciler, campaigns, settled: () => log.settled() };
}
