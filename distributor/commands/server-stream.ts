/**
 * Follows the events of a server as server-sent events, and goes on after the last one seen whenever the connection
 * ends.
 */
import { setTimeout } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { SlipwayError } from '../../contract/errors.ts';
import { type EventFilter, type EventView, eventViewSchema } from '../events/view.ts';
import { openServer, type ServerAddress } from './server-client.ts';

const firstWaitMs = 500;
const longestWaitMs = 15_000;

/**
 * @param after id of the last event seen, 0 for all that are kept
 * @throws SlipwayError what the server answers, when that does not go away by itself; a server that is away is waited
 *   for once it was there
 */
export async function* followServer(
  address: ServerAddress,
  after: number,
  filter: EventFilter,
): AsyncIterable<EventView> {
  let last = after;
  let wasThere = false;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      for await (const event of connect(address, last, filter)) {
        wasThere = true;
        waitMs = firstWaitMs;
        if (event === undefined) continue;
        last = event.id;
        yield event;
      }
    } catch (error) {
      if (!wasThere || (error instanceof SlipwayError && !error.retryable)) throw error;
    }
    await setTimeout(waitMs);
  }
}

/** Undefined when the server has answered: it is there even where nothing happens. */
async function* connect(address: ServerAddress, after: number, filter: EventFilter) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, after })) {
    if (value !== undefined) query.set(name, String(value));
  }
  const path = `/v1/events/stream?${query}`;
  const response = await openServer(address, { method: 'GET', path }, { accept: 'text/event-stream' });
  yield undefined;
  const messages = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of messages ?? []) {
    const parsed = eventViewSchema.safeParse(parseJson(data));
    if (parsed.success) yield parsed.data;
    else throw new SlipwayError('server-answer-invalid', 'the server sent an event that its API does not describe');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
