/**
 * Loads the parts of undici that every device uses, by the files that hold them. All of undici (fetch, WebSocket,
 * caches, mocks) costs some megabytes, and time at each start, of a device that asks once in a quarter of an hour.
 * Parts that only few devices need are imported when they are needed.
 */
import type * as undici from 'undici';
// @ts-expect-error The package types its main entry alone.
import requestThrough from 'undici/lib/api/api-request.js';
// @ts-expect-error As above.
import AgentPart from 'undici/lib/dispatcher/agent.js';

/** Speaks HTTP/1.1 alone: each device asks one server for one thing after another, and `node:http2` takes 4 MB. */
export class Agent extends (AgentPart as typeof undici.Agent) {
  constructor(options: undici.Agent.Options) {
    super({ ...options, allowH2: false });
  }
}

type RequestOptions = Omit<undici.Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly method?: undici.Dispatcher.HttpMethod;
  readonly dispatcher: undici.Dispatcher;
};

/** As `request` of undici, with a dispatcher that is always given. */
export function request(url: URL, { dispatcher, ...options }: RequestOptions): Promise<undici.Dispatcher.ResponseData> {
  const target = { origin: url.origin, path: `${url.pathname}${url.search}`, method: options.method ?? 'GET' };
  return requestThrough.call(dispatcher, { ...options, ...target });
}
