/** `serve`: opens store, state and rollouts, listens, keeps both in step, and ends gracefully. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setImmediate as pause } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { Command, Option } from 'commander';
import { type Logger, pino } from 'pino';
import { describeError, SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { type App, buildApp } from '../app.ts';
import { Catalog } from '../catalog/catalog.ts';
import { CampaignLog, revertsOnAbort } from '../events/campaign-log.ts';
import { connectionsFor } from '../http/connections.ts';
import { createMetrics } from '../http/metrics.ts';
import { Reconciler } from '../reconcile/reconcile.ts';
import { Campaigns } from '../rollout/campaigns.ts';
import { type PermitSigner, permitIssuer } from '../rollout/permit.ts';
import type { Services } from '../services.ts';
import { observeCampaigns, observeReconciler, Upkeep } from '../upkeep.ts';
import { type CommandLine, openState, withStateOptions } from './command-line.ts';
import { parseCount, parseLifetime } from './lifetime.ts';
import { addRetentionOptions, retentionOf } from './retention-options.ts';
import { checkTransport, type ListenAddress, parseListen, type ServeOptions } from './serve-options.ts';
import { addSourceOptions, placeOf } from './source-options.ts';

/** Answers under way get so long to finish; a device resumes what is cut. */
const closeGraceMs = 10_000;
const idleSweepMs = 100;
/** After the grace, for the database; then the process ends whatever is left. */
const lastResortMs = 5000;
/** How often waves are looked at besides after each report. */
const advanceIntervalMs = 1000;
/** How often what is older than asked is removed, besides after a start. */
const pruneIntervalMs = 3_600_000;

export function serveCommand(line: CommandLine): Command {
  return addRetentionOptions(addSourceOptions(withStateOptions(new Command('serve'))))
    .description('serve metadata and blobs, answer devices, run rollouts')
    .addOption(
      new Option('--store <url>', 's3://bucket/prefix or file:///folder').env('SLIPWAY_STORE').makeOptionMandatory(),
    )
    .addOption(new Option('--listen <address>', 'host:port; port 0 takes a free one').default('127.0.0.1:8443'))
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--permit-key <file>', 'key that sends devices of an aborted rollout back, PEM')
    .option('--behind-proxy', 'plain HTTP on any address: a proxy in front speaks TLS', false)
    .option('--trust-proxy', 'believe X-Forwarded-For; only behind a proxy that sets it', false)
    .option('--redirect-blobs', 'send clients to presigned URLs of the store instead of streaming', false)
    .option('--require-token-for-reads', 'metadata, manifests and blobs only with a token', false)
    .option('--check-limit <n>', 'checks and reports a minute and device', parseCount, 60)
    .option('--enrol-limit <n>', 'enrolments a minute and address', parseCount, 30)
    .option('--refresh <duration>', 'how often store and rollouts are looked at', parseLifetime, 15)
    .option('--poll-after <duration>', 'tell devices when to check again', parsePollAfter)
    .addOption(
      new Option('--log-level <level>', 'what is logged on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Examples:
  slipway-distributor serve --store file:///srv/slipway --rollouts ./rollouts --state ./state
  slipway-distributor serve --store s3://releases/edge \\
    --rollouts-git https://git.example.com/fleet.git --git-path rollouts --git-credentials /etc/slipway/git \\
    --listen 0.0.0.0:8443 --tls-cert tls.crt --tls-key tls.key --redirect-blobs

S3 takes credentials from the environment; another service than Amazon's by AWS_ENDPOINT_URL_S3 or ?endpoint=… in the URL.
The address is printed on stdout when the server listens; with --json as {"listening":"http://…"}.`,
    )
    .action((given: Omit<ServeOptions, 'listen'> & { listen: string }) =>
      serve(line, { ...given, listen: parseListen(given.listen) }),
    );
}

function parsePollAfter(text: string): number {
  const seconds = parseLifetime(text);
  if (seconds >= limits.minPollSeconds && seconds <= limits.maxPollSeconds) return seconds;
  throw new SlipwayError('usage', `${text} is outside ${limits.minPollSeconds} s to ${limits.maxPollSeconds} s`);
}

async function serve(line: CommandLine, options: ServeOptions): Promise<void> {
  checkTransport(options);
  const tls = await readTls(options);
  const signer = options.permitKey === undefined ? undefined : line.readPermitKey(options.permitKey);
  const place = placeOf(options, options);
  const source = place && line.openSource(place);
  const store = line.openStore(options.store);
  const fleet = await openState(line, options, { keptReports: options.keepReports });
  const logger = pino({ level: options.logLevel, redact: ['req.headers.authorization'] }, pino.destination(2));
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
  const services: Services = {
    store,
    catalog,
    campaigns,
    reconciler,
    fleet,
    metrics,
    permits: signer && permitIssuer({ signer, clock: line.clock, newId: () => newPermitId(line) }),
    randomBytes: line.randomBytes,
    chance: line.chance,
    clock: line.clock,
    policy: {
      requireTokenForReads: options.requireTokenForReads,
      redirectBlobs: options.redirectBlobs,
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
  });
  const maxConnections = connectionsFor(line.descriptorLimit);
  logger.info({ maxConnections, descriptors: line.descriptorLimit }, 'connections are bounded');
  const { trustProxy } = options;
  const app = await buildApp(services, { logger, tls, trustProxy, newRequestId: randomUUID, maxConnections });
  await upkeep.start();
  warnOfUselessKey(signer, catalog, logger);
  await listen(app, options.listen);
  const address = addressOf(app, tls !== undefined);
  closeWithGrace(
    { delay: closeGraceMs + lastResortMs, logger: { error: (problem) => logger.error(problem) } },
    async (why) => {
      logger.info({ signal: why.signal, err: why.err }, 'closing');
      upkeep.stop();
      await closeGently(app);
      await probes.close();
      await fleet.close();
      await store.close();
    },
  );
  // Last: whoever reads it may send a signal at once.
  line.answer({ listening: address }, `listening on ${address}`);
}

function newPermitId({ randomBytes }: CommandLine): string {
  return Buffer.from(randomBytes(18)).toString('base64url');
}

/** Devices would refuse every permit; nothing else of the server suffers. */
function warnOfUselessKey(signer: PermitSigner | undefined, { state }: Catalog, logger: Logger): void {
  if (!signer || state.refreshedAt === undefined || state.permits?.keys.has(signer.keyId)) return;
  logger.warn(
    { keyId: signer.keyId, code: 'permits-not-delegated' },
    'the repository delegates permits to another key or to none',
  );
}

/** Answers under way may finish; a connection is closed once it is idle, and all of them when the grace is over. */
async function closeGently(app: App): Promise<void> {
  const sweep = setInterval(() => app.server.closeIdleConnections(), idleSweepMs);
  const cut = setTimeout(() => app.server.closeAllConnections(), closeGraceMs);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
  }
}

async function readTls({ tlsCert, tlsKey }: ServeOptions): Promise<{ cert: string; key: string } | undefined> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  try {
    const [cert, key] = await Promise.all([readFile(tlsCert, 'utf8'), readFile(tlsKey, 'utf8')]);
    return { cert, key };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlipwayError('key-unreadable', `certificate or key cannot be read: ${reason}`, {
      cause,
      hint: 'Check --tls-cert and --tls-key and who may read them.',
    });
  }
}

async function listen(app: App, { host, port }: ListenAddress): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SlipwayError('usage', `cannot listen on ${host}:${port}: ${reason}`, {
      cause,
      hint: 'Choose another address with --listen.',
    });
  }
}

/** With the port that was really taken. */
function addressOf(app: App, isTls: boolean): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new SlipwayError('internal', 'the server has no address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${isTls ? 'https' : 'http'}://${host}:${address.port}`;
}
