/**
 * A delta that was cut or changed anywhere ends as other bytes or as a code of its own: never a crash, a hang, or a
 * read outside of the old file (the guarded source throws a plain error then, which fails the test).
 */
import { expect, test } from 'vitest';
import { adler32 } from '../../../delta/vcdiff/adler32.ts';
import { outcomeOf } from './decode-all.ts';
import { ascii, magic, varint, windowOf } from './delta-writer.ts';

const old = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(4));
/** As `xdelta3 -d` decodes the first window. */
const firstWindow = 'wxyzuick brown fox jum+k bruick-wn fox jum+k bruick-wn f!!!!';
const name = ascii('new//old/');
const windows = [
  windowOf({
    source: { length: old.length, position: 0 },
    targetLength: 60,
    data: ascii('wxyz+-!'),
    // ADD 4, COPY 18 self, ADD 1 + COPY 4 near, COPY 4 same + ADD 1, COPY 24 here, RUN 4.
    instructions: [5, 34, 163 + 24, 253, 35, 24, 0, 4],
    addresses: [...varint(140), 3, 140, ...varint(20)],
    adler32: adler32(Buffer.from(firstWindow)),
  }),
  windowOf({ targetLength: 5, data: ascii('hello'), instructions: [6] }),
  windowOf({ source: { length: 50, position: 100 }, targetLength: 18, instructions: [34], addresses: [20] }),
];
const header = [...magic, 0x04, ...varint(name.length), ...name];
const delta = Uint8Array.from([...header, ...windows.flat()]);

test('the delta that is damaged below is sound', async () => {
  expect(await outcomeOf(old, delta)).toEqual(Buffer.from(`${firstWindow}hello${old.subarray(120, 138)}`));
});

test('cut at any byte it is truncated, or at the end of a window gives the windows before', async () => {
  const ends = new Map<number, number>();
  let end = header.length;
  for (const [index, window] of [[], ...windows].entries()) {
    end += window.length;
    ends.set(end, [0, 60, 65, 83][index] ?? -1);
  }
  for (let length = 0; length < delta.length; length++) {
    const outcome = await outcomeOf(old, delta.subarray(0, length));
    const complete = ends.get(length);
    if (complete === undefined) expect(outcome, `cut at ${length}`).toBe('vcdiff-truncated');
    else expect(outcome, `cut at ${length}`).toHaveLength(complete);
    if (length >= header.length) {
      const held = await outcomeOf(old, delta.subarray(0, length), { expectedLength: 83 });
      expect(held, `cut at ${length}`).toBe(complete === undefined ? 'vcdiff-truncated' : 'length-mismatch');
    }
  }
});

test('with any bit flipped it decodes to something or ends with a code of VCDIFF', async () => {
  const seen = new Map<string, number>();
  for (let position = 0; position < delta.length; position++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Uint8Array.from(delta);
      damaged[position] = (damaged[position] ?? 0) ^ (1 << bit);
      const outcome = await outcomeOf(old, damaged);
      const key = typeof outcome === 'string' ? outcome : 'decoded';
      expect(key, `bit ${bit} of byte ${position}`).toMatch(/^(vcdiff-|decoded$)/);
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  // Damage reaches each of the checks that one bit can reach.
  expect([...seen.keys()]).toEqual(
    expect.arrayContaining([
      'decoded',
      'vcdiff-malformed',
      'vcdiff-truncated',
      'vcdiff-out-of-bounds',
      'vcdiff-secondary-compression',
      'vcdiff-custom-code-table',
      'vcdiff-target-segment',
      'vcdiff-checksum-mismatch',
    ]),
  );
});

test('with any byte set to its extremes it decodes to something or ends with a code of VCDIFF', async () => {
  for (let position = 0; position < delta.length; position++) {
    for (const value of [0x00, 0x7f, 0x80, 0xff]) {
      const damaged = Uint8Array.from(delta);
      damaged[position] = value;
      const outcome = await outcomeOf(old, damaged);
      if (typeof outcome === 'string') expect(outcome, `byte ${position} = ${value}`).toMatch(/^vcdiff-/);
    }
  }
});
