/**
 * Assembles a server by the options of its command line, with its log, its metrics and what it does between requests.
 */
import type { Logger } from 'pino';
import { describeError, toSlipwayError } from '../../contract/errors.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { Catalog } from '../catalog/catalog.ts';
import { PrivateProducts } from '../catalog/private-products.ts';
import { composeServer } from '../composition.ts';
import type { FleetState } from '../fleet/ports.ts';
import { Freshness } from '../freshness/freshness.ts';
import { downloadsFor } from '../http/downloads.ts';
import { createMetrics } from '../http/metrics.ts';
import type { People } from '../people/people.ts';
import type { DeclarationSource } from '../reconcile/ports.ts';
import type { PermitSigner } from '../rollout/deciding/permit.ts';
import { observeCampaigns, observeReconciler, Upkeep } from '../upkeep.ts';
import type { CommandLine } from './command-line.ts';
import { acceptanceOf } from './options/acceptance-options.ts';
import { retentionOf } from './options/retention-options.ts';
import { onlinePlaceOf, type ServeOptions } from './options/serve-options.ts';

/** How often waves are looked at besides after each report. */
const advanceIntervalMs = 1000;
/** How often what is older than asked is removed, besides after a start. */
const pruneIntervalMs = 3_600_000;
/** How exact the last use of a token is. */
const tokenUseIntervalMs = 60_000;

interface AssembledServer {
  readonly line: CommandLine;
  readonly options: ServeOptions;
  readonly signer: PermitSigner | undefined;
  readonly people: People | undefined;
  readonly source: DeclarationSource | undefined;
  readonly store: StoreReader;
  readonly fleet: FleetState;
  readonly logger: Logger;
  /** That the server takes. */
  readonly maxConnections: number;
}

export function assemble(parts: AssembledServer) {
  const { line, options, signer, people, source, store, fleet, logger, maxConnections } = parts;
  const metrics = createMetrics();
  const probes = line.openGateProbes();
  const services = composeServer({
    fleet,
    source,
    store,
    signer,
    people,
    metrics,
    catalog: new Catalog(store, new PrivateProducts(options.privateProduct ?? [])),
    readPlan: line.readPlan,
    probe: probes,
    allowRewrite: options.gitAllowRewrite ?? false,
    maxDownloads: options.maxDownloads ?? downloadsFor(maxConnections),
    randomBytes: line.randomBytes,
    chance: line.chance,
    clock: line.clock,
    policy: {
      requireTokenForReads: options.requireTokenForReads,
      redirectBlobs: options.redirectBlobs,
      blobOrigin: options.blobsFrom,
      accelRedirect: options.accelRedirect,
      acceptance: acceptanceOf(options),
      bearerSeconds: options.bearerLife,
      enrolmentsPerMinute: options.enrolLimit,
      checksPerMinute: options.checkLimit,
      pollAfterSeconds: options.pollAfter,
    },
    observe: {
      reconciled: (event) => observeReconciler(event, logger, metrics),
      campaign: (event) => observeCampaigns(event, logger, metrics),
      problem: (error) => logger.error(describeError(toSlipwayError(error)), 'event not recorded'),
    },
  });
  const place = onlinePlaceOf(options);
  const { catalog } = services;
  const freshness = new Freshness({
    ...{ catalog, fleet, clock: line.clock, log: logger },
    signer: place && line.openOnlineSigner(place),
  });
  const upkeep = new Upkeep({
    services,
    freshness,
    logger,
    refreshIntervalMs: options.refresh * 1000,
    advanceIntervalMs,
    retention: retentionOf(options),
    pruneIntervalMs,
    tokenUseIntervalMs,
  });
  return { services: { ...services, freshness }, upkeep, probes };
}
