/** `GET /v1/events`, `/v1/events/kinds` and `/v1/events/stream` give the audit log, in pages and as it grows. */
import { Readable } from 'node:stream';
import * as z from 'zod';
import { deviceIdSchema } from '../../contract/device-api/device-id.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { EventFeed } from '../events/feed.ts';
import { eventKindNames, eventKinds } from '../events/kinds.ts';
import { readLatest, readPage } from '../events/pages.ts';
import { serverSent } from '../events/server-sent.ts';
import { eventPageSchema, eventViewOf } from '../events/view.ts';
import type { Caller } from '../fleet/access/caller.ts';
import { eventSight } from '../fleet/access/event-sight.ts';
import { allow, sightBy } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

const maxPage = 1000;
/** Of a timer of Node. */
const maxTimerMs = 2 ** 31 - 1;
const eventIdSchema = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** By its name, what each means. */
export const eventKindsSchema = z.record(z.string(), z.string());

const filterShape = {
  /** Events of this rollout. */
  rollout: z.string().max(253).optional(),
  kind: z.enum(eventKindNames).optional(),
  /** Events of this device. */
  deviceId: deviceIdSchema.optional(),
};

export function eventsRoute(app: App, services: Services): void {
  const { fleet, metrics, clock } = services;
  const feed = new EventFeed({ store: fleet, onReaders: (readers) => metrics.eventStreams.set(readers) });
  // Before the server waits for its connections: streams never end by themselves.
  app.addHook('preClose', async () => feed.close());

  app.get(
    '/v1/events',
    {
      schema: {
        operationId: 'listEvents',
        tags: ['events'],
        summary: 'The audit log, oldest first, page by page',
        security: [{ bearer: [] }],
        querystring: z.object({
          ...filterShape,
          after: eventIdSchema.default(0),
          limit: z.coerce.number().int().min(1).max(maxPage).default(100),
          /** This number of the latest instead, oldest first. */
          latest: z.coerce.number().int().min(1).max(maxPage).optional(),
        }),
        response: { 200: eventPageSchema },
      },
    },
    async (request) => {
      const allowed = await allow(request, { scope: 'events:read' }, services);
      const sees = eventSight(() => sightBy(allowed, services), fleet, clock);
      const { after, limit, latest, ...filter } = request.query;
      const { events, next, isLast } = await (latest === undefined
        ? readPage(fleet, after, limit, filter, sees)
        : readLatest(fleet, latest, filter, sees));
      return { events: events.map(eventViewOf), next, more: !isLast };
    },
  );

  app.get(
    '/v1/events/kinds',
    {
      schema: {
        operationId: 'listEventKinds',
        tags: ['events'],
        summary: 'Every kind of event and what it means',
        security: [{ bearer: [] }],
        response: { 200: eventKindsSchema },
      },
    },
    async (request) => {
      await allow(request, { scope: 'events:read' }, services);
      return { ...eventKinds };
    },
  );

  app.get(
    '/v1/events/stream',
    {
      schema: {
        operationId: 'followEvents',
        tags: ['events'],
        summary: 'The audit log as it grows, as server-sent events; each has its id for Last-Event-ID',
        security: [{ bearer: [] }],
        querystring: z.object({
          ...filterShape,
          /** Id of the last event seen, 0 for all that are kept; Last-Event-ID wins; neither: from now on. */
          after: eventIdSchema.optional(),
        }),
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const allowed = await allow(request, { scope: 'events:read' }, services);
      const sees = eventSight(() => sightBy(allowed, services), fleet, clock);
      const { after, ...filter } = request.query;
      const last = await fleet.lastEventId();
      const seen = lastEventIdOf(request.headers['last-event-id']) ?? after ?? last;
      const gone = new AbortController();
      const ending = endWith(allowed.caller, clock(), gone);
      reply.raw.once('close', () => {
        clearTimeout(ending);
        gone.abort();
      });
      // An id beyond the last one is of a database that is no more.
      const reader = { tokenId: allowed.caller.id, filter, sees, signal: gone.signal };
      const events = feed.read({ ...reader, after: Math.min(seen, last) });
      return (
        reply
          .type('text/event-stream; charset=utf-8')
          .header('cache-control', 'no-store')
          .header('x-accel-buffering', 'no')
          // A stream that ended for a shutdown must not leave an idle connection for it to wait for.
          .header('connection', 'close')
          .send(Readable.from(serverSent(events), { highWaterMark: 1 }))
      );
    },
  );
}

/** A stream ends with what was shown for it; whoever follows comes back with another one. */
function endWith({ expiresAt }: Caller, now: number, gone: AbortController): NodeJS.Timeout | undefined {
  if (expiresAt === undefined) return undefined;
  return setTimeout(() => gone.abort(), Math.min(expiresAt - now, maxTimerMs)).unref();
}

function lastEventIdOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  const parsed = eventIdSchema.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new SlipwayError('usage', 'Last-Event-ID is not the id of an event', {
    hint: 'Send the id of the last one seen.',
  });
}
