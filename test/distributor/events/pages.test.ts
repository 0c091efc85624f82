import { describe, expect, it } from 'vitest';
import { readLatest, readPage } from '../../../distributor/events/pages.ts';
import { KeptEvents } from '../../fakes/kept-events.ts';

describe('pages of the audit log', () => {
  it('go on where the last one ended, until nothing more is there', async () => {
    const store = new KeptEvents();
    await store.add(5);
    const first = await readPage(store, 0, 3, {});
    expect([first.events.map(({ id }) => id), first.next, first.isLast]).toEqual([[1, 2, 3], 3, false]);
    const second = await readPage(store, first.next, 3, {});
    expect([second.events.map(({ id }) => id), second.next, second.isLast]).toEqual([[4, 5], 5, true]);
  });

  it('move on through events that the filter stops, a bounded number at once', async () => {
    const store = new KeptEvents();
    await store.add(45_000, 'other');
    await store.add(1, 'mine');
    let [after, pages, found] = [0, 0, 0];
    for (let isLast = false; !isLast; pages++) {
      const page = await readPage(store, after, 10, { rollout: 'mine' });
      [after, isLast] = [page.next, page.isLast];
      found += page.events.length;
    }
    expect([pages, found, after]).toEqual([3, 1, 45_001]);
  });

  it('find the latest of a kind that is rare', async () => {
    const store = new KeptEvents();
    await store.add(3, 'mine');
    await store.add(20_000, 'other');
    await store.add(1, 'mine');
    const latest = await readLatest(store, 2, { rollout: 'mine' });
    expect(latest.events.map(({ id }) => id)).toEqual([3, 20_004]);
    expect((await readLatest(store, 2, {})).events.map(({ id }) => id)).toEqual([20_003, 20_004]);
    expect((await readLatest(store, 2, { rollout: 'none' })).events).toEqual([]);
  });
});
