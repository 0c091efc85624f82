/**
 * Counts what the distributor does. No label ever holds a device, a digest or a path as it came, so the number of
 * series grows only with routes, codes and declared rollouts.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  readonly requests: Counter<'route' | 'method' | 'status'>;
  readonly requestSeconds: Histogram<'route'>;
  readonly checks: Counter<'decision' | 'reason'>;
  readonly checkSeconds: Histogram;
  readonly reports: Counter<'outcome' | 'code' | 'fault'>;
  readonly deviceTroubles: Gauge<'code' | 'fault'>;
  /** Successes that were taken back, because a device does not run the release any more. */
  readonly fellBack: Counter;
  readonly identityShared: Counter;
  readonly enrolments: Counter<'outcome'>;
  readonly blobBytes: Counter;
  readonly downloads: Gauge;
  readonly rolloutTransitions: Counter<'kind'>;
  readonly rolloutDevices: Gauge<'rollout' | 'standing'>;
  /** By whose fault and code; codes that this program does not know count as `other`. */
  readonly rolloutHeld: Gauge<'rollout' | 'fault' | 'code'>;
  /** 1 for the status that a rollout has. */
  readonly rolloutStatus: Gauge<'rollout' | 'status'>;
  /** 1 for what a rollout's next step waits for. */
  readonly rolloutWaits: Gauge<'rollout' | 'reason'>;
  readonly rolloutWavesOpen: Gauge<'rollout'>;
  /** 1 while the replica has the lead for transitions. */
  readonly leader: Gauge;
  /** Unix time, seconds. */
  readonly planReconciledAt: Gauge;
  /** Unix time, seconds. */
  readonly planAppliedAt: Gauge;
  readonly planReconciliations: Counter<'outcome'>;
  readonly certificateReloads: Counter<'outcome'>;
  /** Unix time, seconds. */
  readonly certificateExpires: Gauge<'use'>;
  readonly databaseErrors: Counter;
  readonly eventStreams: Gauge;
  /** 1 while the declarations as they are on disk are not in force. */
  readonly rolloutsRefused: Gauge;
  readonly catalogReleases: Gauge;
  /** Unix time, seconds. */
  readonly metadataExpires: Gauge<'role'>;
  /** 1 while the store cannot be read or does not verify. */
  readonly catalogStale: Gauge;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'slipway_http_requests_total',
      help: 'Answers by route, method and status.',
      labelNames: ['route', 'method', 'status'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'slipway_http_request_seconds',
      help: 'Time until the last byte was handed to the network.',
      labelNames: ['route'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 120],
      registers,
    }),
    checks: new Counter({
      name: 'slipway_checks_total',
      help: 'Check-ins by decision and reason.',
      labelNames: ['decision', 'reason'],
      registers,
    }),
    checkSeconds: new Histogram({
      name: 'slipway_check_seconds',
      help: 'Time from the arrival of a check-in until it was decided and recorded.',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    reports: new Counter({
      name: 'slipway_reports_total',
      help: 'Reports stored for the first time, by outcome, code and whose fault it was.',
      labelNames: ['outcome', 'code', 'fault'],
      registers,
    }),
    deviceTroubles: new Gauge({
      name: 'slipway_device_troubles',
      help: 'Devices that told of a trouble in their last check, as of the last time they were counted.',
      labelNames: ['code', 'fault'],
      registers,
    }),
    fellBack: new Counter({
      name: 'slipway_devices_fell_back_total',
      help: 'Devices that counted as a success of a rollout and do not run its release any more.',
      registers,
    }),
    identityShared: new Counter({
      name: 'slipway_identities_shared_total',
      help: 'Times that two machines were found to ask as one device; the later one is refused.',
      registers,
    }),
    enrolments: new Counter({
      name: 'slipway_enrolments_total',
      help: 'Enrolments by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    blobBytes: new Counter({
      name: 'slipway_blob_bytes_total',
      help: 'Bytes sent in answers with blobs, headers included.',
      registers,
    }),
    downloads: new Gauge({
      name: 'slipway_downloads',
      help: 'Blobs that are being sent; another one is refused when there are as many as the server sends at once.',
      registers,
    }),
    rolloutTransitions: new Counter({
      name: 'slipway_rollout_transitions_total',
      help: 'Waves opened, rollouts paused, resumed, completed, aborted and the like, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    rolloutDevices: new Gauge({
      name: 'slipway_rollout_devices',
      help: 'Devices of the declared rollouts by standing, as of the last time they were counted.',
      labelNames: ['rollout', 'standing'],
      registers,
    }),
    rolloutHeld: new Gauge({
      name: 'slipway_rollout_held_devices',
      help: 'Devices that a declared rollout waits for, because of their own trouble or of what carries bytes, by code.',
      labelNames: ['rollout', 'fault', 'code'],
      registers,
    }),
    rolloutStatus: new Gauge({
      name: 'slipway_rollout_status',
      help: '1 for the status that a declared rollout has.',
      labelNames: ['rollout', 'status'],
      registers,
    }),
    rolloutWaits: new Gauge({
      name: 'slipway_rollout_waits',
      help: '1 for what the next step of a declared rollout waits for: soaking, gate-not-met, check-failed and the like.',
      labelNames: ['rollout', 'reason'],
      registers,
    }),
    rolloutWavesOpen: new Gauge({
      name: 'slipway_rollout_waves_open',
      help: 'Waves of a declared rollout that have opened.',
      labelNames: ['rollout'],
      registers,
    }),
    leader: new Gauge({
      name: 'slipway_leader',
      help: '1 while this replica is the one that opens waves and stops rollouts.',
      registers,
    }),
    planReconciledAt: new Gauge({
      name: 'slipway_plan_reconciled_timestamp_seconds',
      help: 'When the declarations were last found to be in force as their source has them.',
      registers,
    }),
    planAppliedAt: new Gauge({
      name: 'slipway_plan_applied_timestamp_seconds',
      help: 'When the declarations in force came into force.',
      registers,
    }),
    planReconciliations: new Counter({
      name: 'slipway_plan_reconciliations_total',
      help: 'Sets of declarations applied and refused.',
      labelNames: ['outcome'],
      registers,
    }),
    certificateReloads: new Counter({
      name: 'slipway_tls_certificate_reloads_total',
      help: 'Changed files of certificate and key that were taken into use, or refused with the one before in use.',
      labelNames: ['outcome'],
      registers,
    }),
    certificateExpires: new Gauge({
      name: 'slipway_tls_certificate_expires_timestamp_seconds',
      help: 'When the certificate in use ends; no series without TLS.',
      labelNames: ['use'],
      registers,
    }),
    databaseErrors: new Counter({
      name: 'slipway_database_errors_total',
      help: 'Answers that failed because the database could not be used.',
      registers,
    }),
    eventStreams: new Gauge({
      name: 'slipway_event_streams',
      help: 'Clients that follow the events.',
      registers,
    }),
    rolloutsRefused: new Gauge({
      name: 'slipway_rollouts_refused',
      help: '1 while the declared rollouts on disk are broken and older ones are in force.',
      registers,
    }),
    catalogReleases: new Gauge({
      name: 'slipway_catalog_releases',
      help: 'Releases that the store names.',
      registers,
    }),
    metadataExpires: new Gauge({
      name: 'slipway_metadata_expires_timestamp_seconds',
      help: 'When the metadata of a role ends, as the store had it when it was last read with success.',
      labelNames: ['role'],
      registers,
    }),
    catalogStale: new Gauge({
      name: 'slipway_catalog_stale',
      help: '1 while the store cannot be read or does not verify.',
      registers,
    }),
  };
}
