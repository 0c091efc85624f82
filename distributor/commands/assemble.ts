/** Puts the parts of a server together: nothing here listens, decides or looks at a clock by itself. */
import { setImmediate as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { describeError, toSlipwayError } from '../../contract/errors.ts';
import { Catalog } from '../catalog/catalog.ts';
import type { StoreReader } from '../catalog/ports.ts';
import { CampaignLog, revertsOnAbort } from '../events/campaign-log.ts';
import type { FleetState } from '../fleet/ports.ts';
import { TokenUse } from '../fleet/token-use.ts';
import { Downloads, downloadsFor } from '../http/downloads.ts';
import { createMetrics } from '../http/metrics.ts';
import type { DeclarationSource } from '../reconcile/ports.ts';
import { Reconciler } from '../reconcile/reconcile.ts';
import { Campaigns } from '../rollout/campaigns/campaigns.ts';
import { type PermitSigner, permitIssuer } from '../rollout/deciding/permit.ts';
import type { Services } from '../services.ts';
import { observeCampaigns, observeReconciler, Upkeep } from '../upkeep.ts';
import type { CommandLine } from './command-line.ts';
import { retentionOf } from './retention-options.ts';
import type { ServeOptions } from './serve-options.ts';

/** How often waves are looked at besides after each report. */
const advanceIntervalMs = 1000;
/** How often what is older than asked is removed, besides after a start. */
const pruneIntervalMs = 3_600_000;
/** How exact the last use of a token is. */
const tokenUseIntervalMs = 60_000;

export interface Opened {
  readonly line: CommandLine;
  readonly options: ServeOptions;
  readonly signer: PermitSigner | undefined;
  readonly source: DeclarationSource | undefined;
  readonly store: StoreReader;
  readonly fleet: FleetState;
  readonly logger: Logger;
  /** That the server takes. */
  readonly maxConnections: number;
}

export function assemble({ line, options, signer, source, store, fleet, logger, maxConnections }: Opened) {
  const metrics = createMetrics();
  const catalog = new Catalog(store);
  const reconciler = new Reconciler({
    source,
    store: fleet,
    readPlan: line.readPlan,
    clock: line.clock,
    allowRewrite: options.gitAllowRewrite ?? false,
    observe: (event) => observeReconciler(event, logger, metrics),
  });
  const log = new CampaignLog({
    store: fleet,
    reverts: (rollout) => signer !== undefined && revertsOnAbort(reconciler.plan, rollout),
    clock: line.clock,
    onProblem: (error) => logger.error(describeError(toSlipwayError(error)), 'event not recorded'),
  });
  const probes = line.openGateProbes();
  const campaigns = new Campaigns({
    plan: reconciler,
    store: fleet,
    releases: () => catalog.state.releases,
    probe: probes,
    breathe: () => pause(),
    observe: (event) => {
      observeCampaigns(event, logger, metrics);
      log.note(event);
    },
  });
  const services: Omit<Services, 'isStarted'> = {
    store,
    catalog,
    campaigns,
    reconciler,
    fleet,
    metrics,
    downloads: new Downloads(options.maxDownloads ?? downloadsFor(maxConnections), metrics),
    tokenUse: new TokenUse(),
    permits: signer && permitIssuer({ signer, clock: line.clock, newId: () => newPermitId(line) }),
    randomBytes: line.randomBytes,
    chance: line.chance,
    clock: line.clock,
    policy: {
      requireTokenForReads: options.requireTokenForReads,
      redirectBlobs: options.redirectBlobs,
      accelRedirect: options.accelRedirect,
      enrolmentsPerMinute: options.enrolLimit,
      checksPerMinute: options.checkLimit,
      pollAfterSeconds: options.pollAfter,
    },
  };
  const upkeep = new Upkeep({
    services,
    logger,
    refreshIntervalMs: options.refresh * 1000,
    advanceIntervalMs,
    retention: retentionOf(options),
    pruneIntervalMs,
    tokenUseIntervalMs,
  });
  return { services, upkeep, probes };
}

function newPermitId({ randomBytes }: CommandLine): string {
  return Buffer.from(randomBytes(18)).toString('base64url');
}
