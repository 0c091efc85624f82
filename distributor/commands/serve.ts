/** `serve` opens store, state and rollouts, listens, keeps both in step, and ends gracefully. */
import { randomUUID } from 'node:crypto';
import closeWithGrace from 'close-with-grace';
import { Command, Option } from 'commander';
import type { Logger } from 'pino';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { buildApp } from '../app.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { readCertificate } from '../http/certificate.ts';
import { connectionsFor } from '../http/connections.ts';
import type { App } from '../http/fastify-app.ts';
import { metricsServer } from '../http/metrics-server.ts';
import type { PermitSigner } from '../rollout/deciding/permit.ts';
import { assemble } from './assemble.ts';
import { type CommandLine, openState, withStateOptions } from './command-line.ts';
import { examples } from './examples.ts';
import { keepCertificate } from './kept-certificate.ts';
import { parseCount, parseLifetime } from './lifetime.ts';
import { addressOf, listen, metricsAddressOf } from './listening.ts';
import { acceptanceOf, addAcceptanceOptions } from './options/acceptance-options.ts';
import { addReadingOptions } from './options/reading-options.ts';
import { addRetentionOptions } from './options/retention-options.ts';
import {
  certificateFilesOf,
  checkAccelRedirect,
  checkBlobsFrom,
  checkTransport,
  onlinePlaceOf,
  parseListen,
  type ServeOptions,
} from './options/serve-options.ts';
import { addSourceOptions, sourcePlaceOf } from './options/source-options.ts';
import { readPeople } from './people-file.ts';
import { openLog, warnOfOpenSecrets } from './server-log.ts';

/** Answers under way get so long to finish; a device resumes what is cut. */
const closeGraceMs = 10_000;
const idleSweepMs = 100;
/** After the grace, for the database; then the process ends whatever is left. */
const lastResortMs = 5000;

export function serveCommand(line: CommandLine): Command {
  const command = addReadingOptions(addSourceOptions(withStateOptions(new Command('serve'))));
  return addAcceptanceOptions(addRetentionOptions(command))
    .description('serve metadata and blobs, answer devices, run rollouts')
    .addOption(
      new Option('--store <url>', 's3://bucket/prefix, a folder, or its file:// URL')
        .env('SLIPWAY_STORE')
        .makeOptionMandatory(),
    )
    .addOption(new Option('--listen <address>', 'host:port; port 0 takes a free one').default('127.0.0.1:8443'))
    .option('--metrics-listen <address>', '/metrics in plain HTTP on an address of its own, and nowhere else')
    .option('--tls-cert <file>', 'certificate chain, PEM; read again when it changes')
    .option('--tls-key <file>', 'its key, PEM')
    .option(
      '--permit-key <file>',
      'key that sends devices of an aborted rollout back: a PEM, a sealed key, or env:NAME',
    )
    .option(
      '--online-key <source...>',
      'sign snapshot and timestamp again by itself: keys as those of slipway-packager --key',
    )
    .option('--passphrase-file <file>', 'with the passphrase of a sealed online key')
    .option('--root <file>', 'with --online-key: the root that devices pin')
    .option('--people <file>', 'issuers of OpenID Connect that vouch for people, and what their claims give')
    .option('--behind-proxy', 'plain HTTP on any address: a proxy in front speaks TLS', false)
    .option('--trust-proxy', 'believe X-Forwarded-For; only behind a proxy that sets it', false)
    .option('--redirect-blobs', 'send clients to presigned URLs of the store instead of streaming', false)
    .option(
      '--accel-redirect <prefix>',
      'let nginx in front send blobs: its internal location of the store, as /slipway-store/',
    )
    .option(
      '--max-downloads <n>',
      'blobs sent at once; more get 503 (default: half of the connections, at most 2000)',
      parseCount,
    )
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
      `${examples(
        'serve --store file:///srv/slipway --rollouts ./rollouts --state ./state',
        `serve --store s3://releases/edge \\
    --rollouts-git https://git.example.com/fleet.git --git-path rollouts --git-credentials /etc/slipway/git \\
    --listen 0.0.0.0:8443 --tls-cert tls.crt --tls-key tls.key --redirect-blobs`,
      )}

S3 takes credentials from the environment; another service than Amazon's by AWS_ENDPOINT_URL_S3 or ?endpoint=… in the URL.
S3, Git and the checks of gates go through HTTPS_PROXY (HTTP_PROXY for plain HTTP) unless NO_PROXY names their host.
The address is printed on stdout when the server listens; with --json as {"listening":"http://…"}, and "metrics" beside it.`,
    )
    .action(({ listen: address, metricsListen, ...given }: Given) =>
      serve(line, {
        ...given,
        listen: parseListen(address),
        ...(metricsListen === undefined ? {} : { metricsListen: parseListen(metricsListen) }),
      }),
    );
}

type Given = Omit<ServeOptions, 'listen' | 'metricsListen'> & { listen: string; metricsListen?: string };

function parsePollAfter(text: string): number {
  const seconds = parseLifetime(text);
  if (seconds >= limits.minPollSeconds && seconds <= limits.maxPollSeconds) return seconds;
  throw new SlipwayError('usage', `${text} is outside ${limits.minPollSeconds} s to ${limits.maxPollSeconds} s`);
}

async function serve(line: CommandLine, options: ServeOptions): Promise<void> {
  checkTransport(options);
  checkAccelRedirect(options);
  checkBlobsFrom(options);
  onlinePlaceOf(options);
  acceptanceOf(options);
  const files = certificateFilesOf(options);
  const tls = files && (await readCertificate(files));
  const signer = options.permitKey === undefined ? undefined : await line.readPermitKey(options.permitKey);
  const people = await readPeople(line, options.people);
  const place = sourcePlaceOf(options, options);
  const source = place && line.openSource(place);
  const store = await line.openStore(options.store);
  const fleet = await openState(line, options, { isServer: true, keptReports: options.keepReports });
  const logger = openLog(options.logLevel);
  await warnOfOpenSecrets(options, logger);
  const maxConnections = connectionsFor(line.descriptorLimit);
  const opened = { line, options, signer, people, source, store, fleet, logger, maxConnections };
  const { services, upkeep, probes } = assemble(opened);
  const { metrics } = services;
  logger.info(
    { maxConnections, maxDownloads: services.downloads.max, descriptors: line.descriptorLimit },
    'connections are bounded',
  );
  const app = await buildApp(
    { ...services, isStarted: () => upkeep.isStarted },
    {
      logger,
      tls,
      trustProxy: options.trustProxy,
      newRequestId: randomUUID,
      maxConnections,
      showsMetrics: options.metricsListen === undefined,
    },
  );
  const ownMetrics = options.metricsListen && metricsServer(metrics, randomUUID);
  const stopWatching = files && tls ? keepCertificate(app, files, tls, metrics, logger) : () => {};
  const close = async () => {
    stopWatching();
    upkeep.stop();
    await closeGently(app);
    ownMetrics?.close();
    ownMetrics?.closeAllConnections();
    await upkeep.saveTokenUse();
    await services.settled();
    await probes.close();
    await people?.close();
    await fleet.close();
    await store.close();
  };
  let ending: Promise<void> | undefined;
  const end = () => {
    ending ??= close();
    return ending;
  };
  try {
    await app.ready();
    await listen(app.server, options.listen, '--listen', (address) => app.listen(address));
    if (ownMetrics && options.metricsListen) await listen(ownMetrics, options.metricsListen, '--metrics-listen');
    const listening = { listening: addressOf(app.server, tls !== undefined), ...metricsAddressOf(ownMetrics) };
    closeWithGrace(
      { delay: closeGraceMs + lastResortMs, logger: { error: (problem) => logger.error(problem) } },
      async (why) => {
        logger.info({ signal: why.signal, err: why.err }, 'closing');
        await end();
      },
    );
    // Not before it listens: a server that nobody can reach decides nothing.
    await upkeep.start();
    warnOfUselessKey(signer, services.catalog, logger);
    warnOfUnknownPrivate(services.catalog, logger);
    // Last: its reader may send a signal at once.
    line.answer(listening, `listening on ${listening.listening}`);
  } catch (error) {
    await end();
    throw error;
  }
}

/** Devices would refuse every permit; nothing else of the server suffers. */
function warnOfUselessKey(signer: PermitSigner | undefined, { state }: Catalog, logger: Logger): void {
  if (!signer || state.refreshedAt === undefined || state.permits?.keys.has(signer.keyId)) return;
  logger.warn(
    { keyId: signer.keyId, code: 'permits-not-delegated' },
    'the repository delegates permits to another key or to none',
  );
}

/** A name that is misspelt keeps nothing private. */
function warnOfUnknownPrivate({ state, privates }: Catalog, logger: Logger): void {
  for (const product of state.products === undefined ? [] : privates.unknownOf(state.products)) {
    logger.warn(
      { product, code: 'product-unknown' },
      'a product is private by --private-product that the repository does not have',
    );
  }
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
