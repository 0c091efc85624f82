import { expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { Downloads, downloadsFor } from '../../../distributor/http/downloads.ts';
import { SendBuffers } from '../../../distributor/http/send-buffers.ts';

it.each([
  [1, 1],
  [384, 192],
  [20_000, limits.maxDownloads],
])('a server that takes %i connections sends %i blobs at once', (connections, downloads) => {
  expect(downloadsFor(connections)).toBe(downloads);
});

it('a download that leaves makes room for another', () => {
  const seen: number[] = [];
  const downloads = new Downloads(1, { downloads: { set: (count: number) => seen.push(count) } as never });
  downloads.enter();
  expect(() => downloads.enter()).toThrow(expect.objectContaining({ code: 'overloaded' }));
  downloads.leave();
  downloads.enter();
  expect(seen).toEqual([1, 0, 1]);
});

it('large buffers are bounded together; beyond that each download has a small one', () => {
  const buffers = new SendBuffers();
  const taken: Buffer[] = [];
  for (;;) {
    const buffer = buffers.take('large');
    taken.push(buffer);
    if (!buffers.isLarge(buffer)) break;
  }
  const large = taken.filter((buffer) => buffers.isLarge(buffer));
  expect(large.reduce((sum, { length }) => sum + length, 0)).toBe(limits.maxSendBufferBytes);
  expect(taken.at(-1)?.length).toBeLessThan(limits.maxSlowReaderBytes);
  for (const buffer of taken) buffers.give(buffer);
  expect(buffers.isLarge(buffers.take('large'))).toBe(true);
  expect(buffers.isLarge(buffers.take('small'))).toBe(false);
});
