/**
 * Carries out the operations on a fleet at a running server: each is one request of its API, with the scopes of the
 * token.
 */
import { type EventFilter, type EventPageView, type EventView, eventPageSchema } from '../events/view.ts';
import { whyViewSchema } from '../explanation/view.ts';
import { callerViewSchema } from '../fleet/access/caller-view.ts';
import {
  madeTokenSchema,
  type TokenQuery,
  type TokenView,
  tokenPageSchema,
  tokenStandingSchema,
} from '../fleet/access/token-view.ts';
import type { DeviceQuery } from '../fleet/device-filter.ts';
import {
  type DeviceView,
  deviceDetailSchema,
  devicePageSchema,
  deviceStandingSchema,
  labelledDeviceSchema,
} from '../fleet/view.ts';
import { rolloutListSchema } from '../rollout/campaigns/view.ts';
import { allPages } from './all-pages.ts';
import type { FleetOperations } from './fleet-operations.ts';
import { askServer, type ServerAddress } from './server-client.ts';
import { followServer } from './server-stream.ts';

const pageSize = 1000;

export function operationsByServer(address: ServerAddress): FleetOperations {
  return {
    async rollouts(name) {
      const path = name === undefined ? '/v1/rollouts' : `/v1/rollouts/${encodeURIComponent(name)}`;
      return (await askServer(address, get(path), rolloutListSchema)).rollouts;
    },
    async control(name, action, reason) {
      const path = `/v1/rollouts/${encodeURIComponent(name)}/${action}`;
      return (await askServer(address, { method: 'POST', path, body: bodyOf(reason) }, rolloutListSchema)).rollouts;
    },
    devices: (query) => devicesOf(address, query),
    device: (id) => askServer(address, get(`/v1/devices/${encodeURIComponent(id)}`), deviceDetailSchema),
    dismiss(id, action, reason) {
      const path = `/v1/devices/${encodeURIComponent(id)}/${action}`;
      return askServer(address, { method: 'POST', path, body: bodyOf(reason) }, deviceStandingSchema);
    },
    decide(id, status, reason) {
      const path = `/v1/devices/${encodeURIComponent(id)}/${status === 'accepted' ? 'accept' : 'reject'}`;
      return askServer(address, { method: 'POST', path, body: bodyOf(reason) }, deviceStandingSchema);
    },
    label(id, changes, reason) {
      const path = `/v1/devices/${encodeURIComponent(id)}/labels`;
      const body = { labels: changes, ...bodyOf(reason) };
      return askServer(address, { method: 'POST', path, body }, labelledDeviceSchema);
    },
    why: (id) => askServer(address, get(`/v1/devices/${encodeURIComponent(id)}/why`), whyViewSchema),
    events: (range, filter) =>
      'after' in range ? eventsAfter(address, range.after, filter) : latest(address, range.latest, filter),
    tokens: (query) => tokensOf(address, query),
    makeToken: (order) => askServer(address, { method: 'POST', path: '/v1/tokens', body: order }, madeTokenSchema),
    revokeToken(id) {
      const path = `/v1/tokens/${encodeURIComponent(id)}/revoke`;
      return askServer(address, { method: 'POST', path }, tokenStandingSchema);
    },
    whoami: () => askServer(address, get('/v1/whoami'), callerViewSchema),
    follow: (after, filter) => followServer(address, after, filter),
    close: async () => {},
  };
}

function bodyOf(reason: string): { reason?: string } {
  return reason === '' ? {} : { reason };
}

async function* devicesOf(address: ServerAddress, query: DeviceQuery): AsyncIterable<DeviceView> {
  const pathOf = (after: string | undefined) => `/v1/devices?${queryText({ limit: pageSize, after, ...query })}`;
  const pages = allPages((after) => askServer(address, get(pathOf(after)), devicePageSchema));
  for await (const { devices } of pages) yield* devices;
}

async function* tokensOf(address: ServerAddress, query: TokenQuery): AsyncIterable<TokenView> {
  const pathOf = (after: string | undefined) => `/v1/tokens?${queryText({ limit: pageSize, after, ...query })}`;
  const pages = allPages((after) => askServer(address, get(pathOf(after)), tokenPageSchema));
  for await (const { tokens } of pages) yield* tokens;
}

async function* eventsAfter(address: ServerAddress, start: number, filter: EventFilter): AsyncIterable<EventView> {
  for (let after = start; ; ) {
    const page = await askPage(address, { after, limit: pageSize, ...filter });
    yield* page.events;
    if (!page.more) return;
    after = page.next;
  }
}

async function* latest(address: ServerAddress, count: number, filter: EventFilter): AsyncIterable<EventView> {
  yield* (await askPage(address, { latest: count, ...filter })).events;
}

function askPage(address: ServerAddress, query: Asked): Promise<EventPageView> {
  return askServer(address, { method: 'GET', path: `/v1/events?${queryText(query)}` }, eventPageSchema);
}

type Asked = Record<string, string | number | readonly string[] | undefined>;

function queryText(given: Asked): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    for (const one of value === undefined ? [] : [value].flat()) query.append(name, String(one));
  }
  return query.toString();
}

function get(path: string) {
  return { method: 'GET', path } as const;
}
