/**
 * Builds the HTTP application: plugins, limits, error answers and routes. It does not listen, so tests inject requests
 * and `serve` decides where it listens.
 */
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import { logAnswers } from './http/answer-log.ts';
import { boundConnections } from './http/connections.ts';
import { answerClientError, answerErrors, answerExpectation, answerFrameworkError } from './http/error-answer.ts';
import { turnAwayUnderPressure } from './http/event-loop-pressure.ts';
import type { App } from './http/fastify-app.ts';
import { boundPersonBearers } from './http/person-bearer.ts';
import { rateLimited } from './http/rate-limits.ts';
import { refuseBeforeStart } from './http/start-gate.ts';
import { blobsRoute } from './routes/blobs.ts';
import { checkRoute } from './routes/check.ts';
import { deviceKeyRoute } from './routes/device-key.ts';
import { devicesRoute } from './routes/devices.ts';
import { enrolRoute } from './routes/enrol.ts';
import { eventsRoute } from './routes/events.ts';
import { healthRoute } from './routes/health.ts';
import { loginRoute } from './routes/login.ts';
import { metadataRoute } from './routes/metadata.ts';
import { metricsRoute } from './routes/metrics.ts';
import { openapiOptions, openapiRoute } from './routes/openapi.ts';
import { planRoute } from './routes/plan.ts';
import { reportsRoute } from './routes/reports.ts';
import { rolloutControlRoute } from './routes/rollout-control.ts';
import { rolloutsRoute } from './routes/rollouts.ts';
import { targetsRoute } from './routes/targets.ts';
import { tokensRoute } from './routes/tokens.ts';
import { whoamiRoute } from './routes/whoami.ts';
import { whyRoute } from './routes/why.ts';
import type { Services } from './services.ts';

interface AppOptions {
  readonly logger: FastifyBaseLogger;
  /** PEM texts; undefined for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Believe X-Forwarded-For: only behind a proxy that sets it. */
  readonly trustProxy: boolean;
  readonly newRequestId: () => string;
  /** Metrics of the fleet where devices ask; false where they have an address of their own. */
  readonly showsMetrics: boolean;
  /** What comes beyond is closed at once; see http/connections.ts. */
  readonly maxConnections: number;
}

/** How often it is looked whether a head or a request is late. */
const connectionCheckMs = 1000;
/** A connection on which nothing moves for so long is closed (slow readers included). */
const idleSocketTimeoutMs = 120_000;
/** Above the idle time of common proxies, so that they close first. */
const keepAliveTimeoutMs = 75_000;
const maxEventLoopDelayMs = 3000;
const overloadRetrySeconds = 10;

const arrival = { headersTimeout: limits.maxRequestHeadMs, connectionsCheckingInterval: connectionCheckMs };

export async function buildApp(services: Services, options: AppOptions): Promise<App> {
  const app = Fastify({
    loggerInstance: options.logger,
    // Node answers a request without Host by itself and without a body; the hook below says why.
    ...(options.tls
      ? { https: { ...options.tls, ...arrival, handshakeTimeout: limits.maxRequestHeadMs, requireHostHeader: false } }
      : { http: { ...arrival, requireHostHeader: false } }),
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: (error, socket) => answerClientError(error, socket as Socket, options.newRequestId()),
    // A client that still asks on an open connection is answered, and told that it closes.
    return503OnClosing: false,
    trustProxy: options.trustProxy,
    genReqId: options.newRequestId,
    // One line for each answer, by a hook of our own.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.maxCheckBytes,
    requestTimeout: limits.maxRequestMs,
    connectionTimeout: idleSocketTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
  }).withTypeProvider<ZodTypeProvider>() as unknown as App;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  const plain = app as unknown as FastifyInstance;
  logAnswers(app);
  answerErrors(plain);
  boundConnections(app.server, options.maxConnections, options.logger, services.clock);
  app.addHook('onRequest', (request, reply, next) => {
    reply.header('x-request-id', request.id);
    if (request.raw.httpVersion !== '1.1' || request.headers.host !== undefined) return next();
    next(new SlipwayError('usage', 'expected a Host field', { hint: 'HTTP/1.1 asks for one (RFC 9112, 3.2).' }));
  });
  app.server.on('checkExpectation', (_request, response) => answerExpectation(response, options.newRequestId()));

  refuseBeforeStart(app, services);

  await app.register(swagger, openapiOptions);
  // It answers programs: there is nothing for a browser to load, run or frame. Where only devices ask it is left out.
  const nothing = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] };
  await app.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: nothing } });
  await app.register(rateLimit, {
    global: false,
    // After the body was read, so that a limit does not break a keep-alive connection.
    hook: 'preHandler',
    errorResponseBuilder: (_request, { ttl }) => rateLimited(Math.ceil(ttl / 1000)),
  });
  if (services.people) boundPersonBearers(app);
  turnAwayUnderPressure(plain, { maxDelayMs: maxEventLoopDelayMs, retrySeconds: overloadRetrySeconds });

  metricsRoute(app, services, options.showsMetrics);
  for (const route of [
    metadataRoute,
    targetsRoute,
    blobsRoute,
    enrolRoute,
    checkRoute,
    reportsRoute,
    devicesRoute,
    deviceKeyRoute,
    whyRoute,
    eventsRoute,
    rolloutsRoute,
    rolloutControlRoute,
    planRoute,
    tokensRoute,
    whoamiRoute,
    loginRoute,
    healthRoute,
  ]) {
    route(app, services);
  }
  openapiRoute(app);
  return app;
}
