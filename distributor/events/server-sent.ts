/** Writes events as server-sent events (HTML standard, 9.2): one frame an event with its id, a comment as heartbeat. */
import type { RecordedEvent } from './ports.ts';
import { eventViewOf } from './view.ts';

/** What a client waits before it connects again, milliseconds. */
const reconnectMs = 2000;

/** @param events undefined is a heartbeat */
export async function* serverSent(events: AsyncIterable<RecordedEvent | undefined>): AsyncGenerator<string> {
  yield `retry: ${reconnectMs}\n\n`;
  for await (const event of events) {
    // JSON text has no line ends, so it is one data line.
    yield event === undefined ? ': still here\n\n' : `id: ${event.id}\ndata: ${JSON.stringify(eventViewOf(event))}\n\n`;
  }
}
