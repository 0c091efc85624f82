/**
 * Wires the parts of a distributor: once for a server, an operator's desk on the state and the fleets of tests, so that
 * none of them decides or records otherwise. Nothing here listens, looks at a clock by itself or knows a command line.
 */
import { setImmediate as pause } from 'node:timers/promises';
import type { StoreReader } from '../system/store/reader.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { ReleaseIndex } from './catalog/releases.ts';
import { CampaignLog, revertsOnAbort } from './events/campaign-log.ts';
import type { FleetState } from './fleet/ports.ts';
import type { RandomBytes } from './fleet/token.ts';
import { TokenUse } from './fleet/token-use.ts';
import { Downloads } from './http/downloads.ts';
import type { Metrics } from './http/metrics.ts';
import type { DeclarationSource, PlanReader } from './reconcile/ports.ts';
import { type ReconcileEvent, Reconciler } from './reconcile/reconcile.ts';
import type { CampaignEvent } from './rollout/campaigns/campaign-event.ts';
import { Campaigns } from './rollout/campaigns/campaigns.ts';
import type { GateProbe } from './rollout/campaigns/gates.ts';
import { type PermitSigner, permitIssuer } from './rollout/deciding/permit.ts';
import type { Policy, Services } from './services.ts';

/** What rollouts are decided by, and who is told of them. */
interface RolloutsOutside {
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

/** What a server needs besides. */
interface ServerOutside extends Omit<RolloutsOutside, 'releases' | 'canRevert'> {
  readonly store: StoreReader;
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  readonly maxDownloads: number;
  /** Undefined where this server was given no key for permits. */
  readonly signer: PermitSigner | undefined;
  readonly randomBytes: RandomBytes;
  readonly chance: () => number;
  readonly policy: Policy;
}

export function composeRollouts(outside: RolloutsOutside): Rollouts {
  const { fleet, source, readPlan, releases, probe, canRevert, allowRewrite, clock, observe } = outside;
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
    yieldToEventLoop: () => pause(),
    observe: (event) => {
      observe.campaign(event);
      log.note(event);
    },
  });
  return { reconciler, campaigns, settled: () => log.settled() };
}

export function composeServer(outside: ServerOutside): Omit<Services, 'isStarted'> & Pick<Rollouts, 'settled'> {
  const { fleet, store, catalog, metrics, maxDownloads, signer, randomBytes, chance, clock, policy } = outside;
  const releases = () => catalog.state.releases;
  return {
    ...composeRollouts({ ...outside, releases, canRevert: signer !== undefined }),
    store,
    catalog,
    fleet,
    metrics,
    randomBytes,
    chance,
    clock,
    policy,
    downloads: new Downloads(maxDownloads, metrics),
    tokenUse: new TokenUse(),
    permits: signer && permitIssuer({ signer, clock, newId: () => permitId(randomBytes) }),
  };
}

function permitId(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(18)).toString('base64url');
}
