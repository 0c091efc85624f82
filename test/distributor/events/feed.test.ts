import { describe, expect, it } from 'vitest';
import { EventFeed, type EventFeedOptions } from '../../../distributor/events/feed.ts';
import { KeptEvents } from '../../fakes/kept-events.ts';

function feedOf(store: KeptEvents, options: Partial<EventFeedOptions> = {}) {
  const feed = new EventFeed({ store, pollMs: 2, heartbeatMs: 60_000, ...options });
  const ends: AbortController[] = [];
  const read = (after: number, filter = {}, tokenId = 'a') => {
    const end = new AbortController();
    ends.push(end);
    return { end, events: feed.read({ tokenId, after, filter, signal: end.signal }) };
  };
  return { feed, read, [Symbol.dispose]: () => feed.close() };
}

async function take(
  events: AsyncGenerator<{ id: number } | undefined>,
  count: number,
): Promise<(number | undefined)[]> {
  const ids: (number | undefined)[] = [];
  while (ids.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    ids.push(value?.id);
  }
  return ids;
}

describe('the feed of events', () => {
  it('gives what is there and then what comes, each once and in order', async () => {
    const store = new KeptEvents();
    await store.add(250);
    using followed = feedOf(store);
    const { events } = followed.read(100);
    expect(await take(events, 150)).toEqual(Array.from({ length: 150 }, (_, i) => i + 101));
    const next = take(events, 3);
    await store.add(3);
    expect(await next).toEqual([251, 252, 253]);
  });

  it('lets only what was asked for through', async () => {
    const store = new KeptEvents();
    await store.add(150, 'other');
    await store.add(2, 'mine');
    using followed = feedOf(store);
    expect(await take(followed.read(0, { rollout: 'mine' }).events, 2)).toEqual([151, 152]);
  });

  it('says that it is still there when nothing happens', async () => {
    using followed = feedOf(new KeptEvents(), { heartbeatMs: 5 });
    expect(await take(followed.read(0).events, 2)).toEqual([undefined, undefined]);
  });

  it('refuses one reader more than a token may have, and leaves the places of the others', async () => {
    using followed = feedOf(new KeptEvents(), { maxReaders: 4, maxReadersPerToken: 2 });
    const first = followed.read(0);
    followed.read(0);
    expect(() => followed.read(0)).toThrow(expect.objectContaining({ code: 'rate-limited' }));
    followed.read(0, {}, 'b');
    first.end.abort();
    followed.read(0);
    followed.read(0, {}, 'b');
    expect(() => followed.read(0, {}, 'c')).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });

  it('refuses one reader more than allowed, and takes one when another leaves in the middle of waiting', async () => {
    const counts: number[] = [];
    using followed = feedOf(new KeptEvents(), { maxReaders: 1, onReaders: (readers) => counts.push(readers) });
    const first = followed.read(0);
    const waiting = first.events.next();
    expect(() => followed.read(0)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    first.end.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    followed.read(0);
    expect(counts).toEqual([1, 0, 1]);
  });

  it('ends all readers when it closes, and takes no more', async () => {
    using followed = feedOf(new KeptEvents());
    const waiting = [followed.read(0), followed.read(0)].map(({ events }) => events.next());
    followed.feed.close();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    expect(() => followed.read(0)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(followed.feed.readers).toBe(0);
  });

  it('waits for a database that is away and misses nothing', async () => {
    const store = new KeptEvents();
    await store.add(1);
    using followed = feedOf(store, { heartbeatMs: 5 });
    const { events } = followed.read(0);
    expect(await take(events, 1)).toEqual([1]);
    store.isAway = true;
    expect(await take(events, 1)).toEqual([undefined]);
    store.isAway = false;
    await store.add(2);
    const ids = (await take(events, 6)).filter((id) => id !== undefined);
    expect(ids.slice(0, 2)).toEqual([2, 3]);
  });

  it('holds one page at most for a reader that does not take it', async () => {
    const store = new KeptEvents();
    await store.add(5000);
    using followed = feedOf(store);
    const { events } = followed.read(0);
    await take(events, 1);
    expect(store.read).toBeLessThanOrEqual(100);
  });
});
