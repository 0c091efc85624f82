/** Runs a server: opens store, state and rollouts, listens, keeps both in step, and ends gracefully. */
import { randomUUID } from 'node:crypto';
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { buildApp } from '../app.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { readCertificate } from '../http/certificate.ts';
import { connectionsFor } from '../http/connections.ts';
import type { App } from '../http/fastify-app.ts';
import { metricsServer } from '../http/metrics-server.ts';
import type { PermitSigner } from '../rollout/deciding/permit.ts';
import { assemble } from './assemble.ts';
import { type CommandLine, openState } from './command-line.ts';
import { keepCertificate } from './kept-certificate.ts';
import { addressOf, listen, metricsAddressOf } from './listening.ts';
import { acceptanceOf } from './options/acceptance-options.ts';
import {
  certificateFilesOf,
  checkAccelRedirect,
  checkBlobsFrom,
  checkTransport,
  onlinePlaceOf,
  type ServeOptions,
} from './options/serve-options.ts';
import { sourcePlaceOf } from './options/source-options.ts';
import { readPeople } from './people-file.ts';
import { openLog, warnOfOpenSecrets } from './server-log.ts';

/** Answers under way get so long to finish; a device resumes what is cut. */
const closeGraceMs = 10_000;
const idleSweepMs = 100;
/** After the grace, for the database; then the process ends whatever is left. */
const lastResortMs = 5000;

export async function runServer(line: CommandLine, options: ServeOptions): Promise<void> {
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
