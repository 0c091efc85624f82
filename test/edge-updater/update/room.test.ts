/** Free space of an update, counted for each file system that its folders lie on. */
import { describe, expect, it } from 'vitest';
import { type Rooms, requireRoom, shortOfReserve, spareBytes } from '../../../edge-updater/update/room.ts';

const mega = 1024 * 1024;
const wanted = { downloads: 100 * mega, slot: { bytes: 200 * mega, files: 10 } };
const large = 10_000 * mega;

function rooms(
  places: Partial<Record<keyof Rooms, readonly [string, number]>>,
  others: readonly [string, number],
): Rooms {
  const room = (folder: keyof Rooms) => {
    const [fileSystem, freeBytes] = places[folder] ?? others;
    return { fileSystem, freeBytes };
  };
  return { slots: room('slots'), downloads: room('downloads'), journal: room('journal'), metadata: room('metadata') };
}

const codeOf = (of: Rooms) => {
  try {
    requireRoom(wanted, of);
    return 'accepted';
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
};

describe('an update', () => {
  it.each([
    ['one file system with room for all', rooms({}, ['a', 320 * mega]), /accepted/],
    ['one without room for blobs and slot together', rooms({}, ['a', 250 * mega]), /disk-full.* for slots, downloads/],
    ['slots on a large one, little room elsewhere', rooms({ slots: ['b', large] }, ['a', 120 * mega]), /accepted/],
    [
      'slots on a large one, no room for blobs',
      rooms({ slots: ['b', large] }, ['a', 50 * mega]),
      /for downloads, journal/,
    ],
    ['slots on a small one', rooms({ slots: ['b', 150 * mega] }, ['a', large]), /disk-full.* for slots, there/],
    [
      'slots that fit to the byte, on one without a reserve',
      rooms({ slots: ['b', 200 * mega + 40_960] }, ['a', large]),
      /accepted/,
    ],
    [
      'a journal of its own without a reserve',
      rooms({ journal: ['j', spareBytes - 1] }, ['a', large]),
      /for journal, there/,
    ],
    ['metadata of its own without a reserve', rooms({ metadata: ['m', 0] }, ['a', large]), /for metadata, there are 0/],
  ])('with %s', (_, of, expected) => {
    expect(codeOf(of)).toMatch(expected);
  });
});

describe('the reserve', () => {
  it('is asked of the file systems of journal and metadata alone', () => {
    expect(shortOfReserve(rooms({ slots: ['b', 0], downloads: ['c', 0] }, ['a', large]))).toBeUndefined();
    expect(shortOfReserve(rooms({ metadata: ['m', 1000] }, ['a', large]))).toBe(1000);
  });
});
