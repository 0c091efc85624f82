/** Reads the audit log page by page through a filter, a bounded part of it at once. */
import type { EventStore, RecordedEvent } from './ports.ts';
import { type EventFilter, passes } from './view.ts';

/** Whether an event is one for who asks. */
export type SeesEvent = (event: Pick<RecordedEvent, 'rollout' | 'deviceId'>) => Promise<boolean>;

interface EventPage {
  readonly events: readonly RecordedEvent[];
  /** Give it as `after` to read on; it moves on even where nothing passed the filter. */
  readonly next: number;
  /** Nothing had been recorded after `next` when it was read. */
  readonly isLast: boolean;
}

/** Events looked at for one page, whatever passes the filter. */
const maxScanned = 20_000;
const scanSize = 1000;

export async function readPage(
  store: Pick<EventStore, 'listEvents'>,
  after: number,
  limit: number,
  filter: EventFilter,
  sees?: SeesEvent,
): Promise<EventPage> {
  const events: RecordedEvent[] = [];
  const size = isOpen(filter) && !sees ? limit : scanSize;
  let next = after;
  for (let scanned = 0; scanned < maxScanned; ) {
    const page = await store.listEvents(next, size);
    for (const event of page) {
      next = event.id;
      if (passes(event, filter) && (await (sees?.(event) ?? true))) events.push(event);
      if (events.length === limit) return { events, next, isLast: false };
    }
    if (page.length < size) return { events, next, isLast: true };
    scanned += page.length;
  }
  return { events, next, isLast: false };
}

/**
 * The latest that pass the filter, oldest first. Goes backwards in growing steps, so that a filter that few events pass
 * costs no more than reading everything once or twice.
 */
export async function readLatest(
  store: Pick<EventStore, 'listEvents' | 'lastEventId'>,
  limit: number,
  filter: EventFilter,
  sees?: SeesEvent,
): Promise<EventPage> {
  const lastId = await store.lastEventId();
  for (let reach = Math.max(limit, isOpen(filter) && !sees ? 0 : scanSize); ; reach *= 8) {
    const start = Math.max(0, lastId - reach);
    const latest = await lastOf(store, start, limit, filter, sees);
    if (latest.events.length === limit || start === 0) return latest;
  }
}

async function lastOf(
  store: Pick<EventStore, 'listEvents'>,
  start: number,
  limit: number,
  filter: EventFilter,
  sees: SeesEvent | undefined,
): Promise<EventPage> {
  let events: readonly RecordedEvent[] = [];
  for (let next = start; ; ) {
    const page = await readPage(store, next, scanSize, filter, sees);
    events = [...events, ...page.events].slice(-limit);
    next = page.next;
    if (page.isLast) return { events, next, isLast: true };
  }
}

function isOpen({ rollout, kind, deviceId }: EventFilter): boolean {
  return rollout === undefined && kind === undefined && deviceId === undefined;
}
