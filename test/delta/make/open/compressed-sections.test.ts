import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../delta/make/go/program-areas.ts';
import { compressedSection, elfWithSections } from '../../../corpus/elf-sections.ts';
import { sampleBytes } from '../../../corpus/flate/sample-bytes.ts';
import { openBytes } from './opened.ts';

const body = sampleBytes('records', 60_000, 1);
const symbols = { name: '.symtab', bytes: sampleBytes('records', 20_000, 2) };
const [line, info] = [sampleBytes('text', 200_000, 3), sampleBytes('mixed', 300_000, 4)];
const debug = [
  compressedSection('.debug_line', line, { encoder: 'go', level: 1 }),
  compressedSection('.debug_info', info, { encoder: 'go', level: 1 }),
];

describe('a program with compressed debug information', () => {
  it.each([
    'first',
    'last',
  ] as const)('is opened, and what is left can be read with its section table %s', async (table) => {
    const artifact = elfWithSections(body, [...debug, symbols], table);
    const opened = await openBytes(artifact);
    expect(opened.rebuilt.equals(artifact)).toBe(true);
    expect(opened.labels).toEqual(['artifact', 'artifact#.debug_line', 'artifact#.debug_info']);
    expect(opened.parts[1]?.equals(line)).toBe(true);
    expect(opened.parts[2]?.equals(info)).toBe(true);
    const program = opened.parts[0] as Buffer;
    const found = readElf(program)?.areas.find(({ name }) => name === '.symtab');
    expect(found?.length).toBe(symbols.bytes.length);
    const { offset = 0 } = found ?? {};
    expect(program.subarray(offset, offset + symbols.bytes.length).equals(symbols.bytes)).toBe(true);
  });

  it('is read by its segments when other bytes are missing than its streams', async () => {
    const { parts } = await openBytes(elfWithSections(body, [...debug, symbols]));
    const program = parts[0] as Buffer;
    expect(readElf(program.subarray(0, program.length - 1))?.areas.map(({ name }) => name)).toEqual(['']);
  });

  it('stays closed, and says so, when one of the streams is of an unknown encoder', async () => {
    const stored = compressedSection('.debug_info', info, { encoder: 'go', level: 0 });
    // Another valid way to begin the same stream: an empty stored block.
    const bytes = Buffer.concat([
      stored.bytes.subarray(0, 26),
      Buffer.from([0, 0, 0, 255, 255]),
      stored.bytes.subarray(26),
    ]);
    const artifact = elfWithSections(body, [debug[0] as (typeof debug)[0], { ...stored, bytes }]);
    const opened = await openBytes(artifact);
    expect(opened.rebuilt.equals(artifact)).toBe(true);
    expect(opened.labels).toEqual(['artifact']);
    expect(opened.unopened).toMatchObject([{ label: 'artifact#.debug_info', reason: 'encoder-unknown' }]);
  });

  it('is one part where it is a small share of the program', async () => {
    const artifact = elfWithSections(new Uint8Array(8_000_000), debug.slice(0, 1));
    expect((await openBytes(artifact)).labels).toEqual(['artifact']);
  });
});
