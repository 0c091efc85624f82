import { describe, expect, it } from 'vitest';
import { learnFromSymbols } from '../../../../delta/make/go/learn-from-symbols.ts';
import { type ElfFile, readElf } from '../../../../delta/make/go/program-areas.ts';
import { elfWithSections } from '../../../corpus/elf-sections.ts';

type Symbol = readonly [name: string, address: number];

/** A program with these symbols, each name stored where it comes up. */
function named(symbols: readonly Symbol[], dynamic = false): ElfFile {
  const strings = `\0${symbols.map(([name]) => `${name}\0`).join('')}`;
  const table = Buffer.alloc(24 * symbols.length);
  let at = 1;
  for (const [i, [name, address]] of symbols.entries()) {
    table.writeUInt32LE(at, 24 * i);
    table.writeBigUInt64LE(BigInt(address), 24 * i + 8);
    at += name.length + 1;
  }
  const file = elfWithSections(Buffer.alloc(64), [
    { name: '.symtab', bytes: table, type: dynamic ? 11 : 2, link: '.strtab' },
    { name: '.strtab', bytes: Buffer.from(strings), type: 3 },
  ]);
  const elf = readElf(file);
  if (elf === undefined) throw new Error('no ELF file');
  return elf;
}

function learnt(old: ElfFile, new_: ElfFile): number[][] {
  const votes: number[][] = [];
  learnFromSymbols(old, new_, (address, newAddress) => votes.push([address, newAddress]));
  return votes;
}

describe('what symbols tell', () => {
  const old: Symbol[] = [
    ['type:a', 0x1000],
    ['type:b', 0x1040],
    ['gone', 0x1080],
  ];
  const new_: Symbol[] = [
    ['fresh', 0x1000],
    ['type:b', 0x1060],
    ['type:a', 0x1020],
  ];

  it.each([false, true])('is where each name is now, whatever their order (of the dynamic linker: %j)', (dynamic) => {
    expect(learnt(named(old, dynamic), named(new_, dynamic))).toEqual([
      [0x1000, 0x1020],
      [0x1040, 0x1060],
    ]);
  });

  it('is nothing where only one of the programs has such a table', () => {
    expect(learnt(named(old), named(new_, true))).toEqual([]);
  });

  it('goes by order for a name that comes up as often in both, and is nothing else', () => {
    const local: Symbol[] = [
      ['stmp', 0x1000],
      ['stmp', 0x1010],
    ];
    const moved: Symbol[] = [
      ['stmp', 0x2000],
      ['stmp', 0x2010],
    ];
    expect(learnt(named(local), named(moved))).toEqual([
      [0x1000, 0x2000],
      [0x1010, 0x2010],
    ]);
    expect(learnt(named(local), named([...moved, ['stmp', 0x2020]]))).toEqual([]);
  });

  it('is nothing where names lie behind their table', () => {
    const damaged = named(old);
    const table = damaged.areas.find(({ type }) => type === 2);
    damaged.view.setUint32(table?.offset ?? 0, 0xfffffff0, true);
    expect(learnt(damaged, named(new_))).toEqual([[0x1040, 0x1060]]);
  });
});
