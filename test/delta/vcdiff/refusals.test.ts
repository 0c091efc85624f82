import { expect, test } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { outcomeOf } from './decode-all.ts';
import { ascii, deltaOf, type HandMadeWindow, magic, plainHeader, varint, windowOf } from './delta-writer.ts';

const old = Buffer.from('abcdefghijklmnop');
const add3: HandMadeWindow = { targetLength: 3, data: ascii('xyz'), instructions: [4] };
const copy4: HandMadeWindow = {
  source: { length: 16, position: 0 },
  targetLength: 4,
  instructions: [20],
  addresses: [0],
};
const raw = (...bytes: number[]) => Uint8Array.from(bytes);

test('the windows that the refusals change are sound', async () => {
  expect(await outcomeOf(old, deltaOf(add3, copy4))).toEqual(Buffer.from('xyzabcd'));
});

test.each<[string, Uint8Array, string]>([
  ['an empty delta', raw(), 'vcdiff-truncated'],
  ['half a magic', raw(0xd6, 0xc3), 'vcdiff-truncated'],
  ['another magic', raw(0x42, 0x53, 0x44, 0x49, 0x46, 0x46), 'vcdiff-malformed'],
  ['the interleaved version of open-vcdiff', raw(0xd6, 0xc3, 0xc4, 0x53, 0), 'vcdiff-malformed'],
  ['a header without indicator', raw(...magic), 'vcdiff-truncated'],
  ['unknown bits in the header indicator', raw(...magic, 0x08), 'vcdiff-malformed'],
  ['a secondary compressor', raw(...magic, 0x01, 0x02), 'vcdiff-secondary-compression'],
  ['a code table', raw(...magic, 0x02, 0x05), 'vcdiff-custom-code-table'],
  [
    'an application header beyond its limit',
    raw(...magic, 0x04, ...varint(limits.maxVcdiffApplicationHeaderBytes + 1)),
    'vcdiff-malformed',
  ],
  ['an application header cut short', raw(...magic, 0x04, 9, 1, 2), 'vcdiff-truncated'],
])('refuses %s', async (_name, delta, code) => {
  expect(await outcomeOf(old, delta)).toBe(code);
});

test.each<[string, HandMadeWindow, string]>([
  ['unknown bits in the window indicator', { ...add3, indicator: 0x10 }, 'vcdiff-malformed'],
  ['a segment of the earlier target', { ...copy4, indicator: 0x02 }, 'vcdiff-target-segment'],
  ['segments of old file and target at once', { ...copy4, indicator: 0x03 }, 'vcdiff-target-segment'],
  ['compressed data', { ...add3, deltaIndicator: 1 }, 'vcdiff-secondary-compression'],
  ['compressed instructions', { ...add3, deltaIndicator: 2 }, 'vcdiff-secondary-compression'],
  ['compressed addresses', { ...copy4, deltaIndicator: 4 }, 'vcdiff-secondary-compression'],
  ['a segment beyond the old file', { ...copy4, source: { length: 17, position: 0 } }, 'vcdiff-out-of-bounds'],
  ['a segment that begins too late', { ...copy4, source: { length: 16, position: 1 } }, 'vcdiff-out-of-bounds'],
  [
    'a segment whose end overflows',
    { ...copy4, source: { length: Number.MAX_SAFE_INTEGER, position: Number.MAX_SAFE_INTEGER } },
    'vcdiff-out-of-bounds',
  ],
  [
    'a target window beyond the limit',
    { ...add3, targetLength: limits.maxVcdiffTargetWindowBytes + 1 },
    'vcdiff-window-too-large',
  ],
  ...([0, 1, 2] as const).map((section): [string, HandMadeWindow, string] => {
    const lengths: [number, number, number] = [3, 1, 0];
    lengths[section] = limits.maxVcdiffSectionBytes + 1;
    return [`section ${section} beyond the limit`, { ...add3, lengths }, 'vcdiff-window-too-large'];
  }),
  ['a window that says it is longer than its parts', { ...add3, encodingLength: 10 }, 'vcdiff-malformed'],
  ['a window that says it is shorter than its parts', { ...add3, encodingLength: 8 }, 'vcdiff-malformed'],
  ['sections that the delta does not hold', { ...add3, lengths: [4, 1, 0], encodingLength: 10 }, 'vcdiff-truncated'],
  ['a copy from beyond what exists', { ...copy4, addresses: [16] }, 'vcdiff-out-of-bounds'],
  ['a copy without anything to copy', { targetLength: 4, instructions: [20], addresses: [0] }, 'vcdiff-out-of-bounds'],
  ['a copy longer than the window', { ...copy4, targetLength: 3 }, 'vcdiff-out-of-bounds'],
  ['an add longer than the window', { ...add3, targetLength: 2 }, 'vcdiff-out-of-bounds'],
  ['a run longer than the window', { targetLength: 3, data: [1], instructions: [0, 4] }, 'vcdiff-out-of-bounds'],
  [
    'an instruction of a size beyond 53 bits',
    { ...add3, instructions: [1, ...new Array<number>(9).fill(0xff), 0x7f] },
    'vcdiff-malformed',
  ],
  ['a window that its instructions do not fill', { ...add3, targetLength: 4 }, 'vcdiff-malformed'],
  ['an instruction without its size', { ...add3, instructions: [1] }, 'vcdiff-malformed'],
  ['an add without its data', { ...add3, data: ascii('xy') }, 'vcdiff-malformed'],
  ['a run without its byte', { targetLength: 3, instructions: [0, 3] }, 'vcdiff-malformed'],
  ['a copy without its address', { ...copy4, addresses: [] }, 'vcdiff-malformed'],
  ['data that no instruction uses', { ...add3, data: ascii('xyz!') }, 'vcdiff-malformed'],
  ['addresses that no instruction uses', { ...copy4, addresses: [0, 0] }, 'vcdiff-malformed'],
])('refuses %s', async (_name, window, code) => {
  expect(await outcomeOf(old, deltaOf(window))).toBe(code);
  expect(await outcomeOf(old, deltaOf(window), { chunkBytes: 1 })).toBe(code);
});

test.each<[string, number[], string]>([
  ['a line end', [0x0a], 'vcdiff-malformed'],
  ['zeros', [0, 0, 0, 0, 0, 0, 0, 0], 'vcdiff-malformed'],
  ['another delta', [...plainHeader, ...windowOf(add3)], 'vcdiff-malformed'],
])('refuses data behind the last window: %s', async (_name, trailing, code) => {
  expect(await outcomeOf(old, raw(...deltaOf(add3), ...trailing))).toBe(code);
});

test('an instruction that would overrun the window writes nothing outside of it', async () => {
  const windows = [
    { targetLength: 64, data: ascii('x'), instructions: [0, 64] },
    { targetLength: 8, data: ascii('abcdefghijklmnopqr'), instructions: [18, 2] },
  ];
  expect(await outcomeOf(old, deltaOf(...windows))).toBe('vcdiff-out-of-bounds');
});
