/** Reads the audit log page by page through a filter, a bounded part of it at once. */
import type { EventStore, RecordedEvent } from './ports.ts';
import { type EventFilter, passes } from './view.ts';

export interface EventPage {
  readonly events: readonly RecordedEvent[];
  /** Give it as `after` to read on; it moves on even where nothing passed the filter. */
  readonly next: number;
  /** Nothing was recorded after `next` when it was read. */
  readonly isLast: boolean;
}

/** Events looked at for one answer, whatever passes the filter. */
const maxScanned = 20_000;
const scanSize = 1000;

export async function readPage(
  store: Pick<EventStore, 'listEvents'>,
  after: number,
  limit: number,
  filter: EventFilter,
): Promise<EventPage> {
  const events: RecordedEvent[] = [];
  let next = after;
  for (let scanned = 0; scanned < maxScanned; ) {
    const size = isOpen(filter) ? limit : scanSize;
    const page = await store.listEvents(next, size);
    for (const event of page) {
      next = event.id;
      if (passes(event, filter)) events.push(event);
      if (events.length === limit) return { events, next, isLast: false };
    }
    if (page.length < size) return { events, next, isLast: true };
    scanned += page.length;
  }
  return { events, next, isLast: false };
}

/** The latest that pass the filter, oldest first. */
export async function readLatest(
  store: Pick<EventStore, 'listEvents' | 'lastEventId'>,
  limit: number,
  filter: EventFilter,
): Promise<RecordedEvent[]> {
  let next = isOpen(filter) ? Math.max(0, (await store.lastEventId()) - limit) : 0;
  let latest: RecordedEvent[] = [];
  for (;;) {
    const page = await readPage(store, next, scanSize, filter);
    latest = [...latest, ...page.events].slice(-limit);
    if (page.isLast) return latest;
    next = page.next;
  }
}

function isOpen({ rollout, kind, deviceId }: EventFilter): boolean {
  return rollout === undefined && kind === undefined && deviceId === undefined;
}
