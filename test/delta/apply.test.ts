import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { DeltaDirectory, DeltaPart } from '../../delta/directory.ts';
import type { Recipe, RecipeNode } from '../../delta/recipe/recipe.ts';
import { sealBytes } from '../../delta/seal.ts';
import { sampleBytes } from '../corpus/flate/sample-bytes.ts';
import {
  copied,
  type DeltaText,
  edited,
  framed,
  patched,
  ranged,
  sealed,
  smallProgram,
  smallRelease,
  stored,
  writeDelta,
} from '../fakes/small-delta.ts';
import { applied, PartShelf } from './applying.ts';

const release = smallRelease();
const delta = writeDelta(release);

/** A delta whose base and target are not compressed. */
function plain(base: Uint8Array, parts: DeltaText['parts'], target: Uint8Array, lengths: readonly number[]): DeltaText {
  const nodes = lengths.map((length, part) => ({ part, length }));
  const baseRecipe: Recipe = { version: 1, nodes: [{ part: 0, length: base.length }] };
  return { base, target, baseRecipe, targetRecipe: { version: 1, nodes }, parts };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof SlipwayError ? error.code : `not a SlipwayError: ${String(error)}`;
  }
  return 'no error';
}

describe('applying a delta', () => {
  it('gives the target, compressed streams and all', async () => {
    expect((await applied(release.base, delta)).equals(Buffer.from(release.target))).toBe(true);
  });

  it('takes parts of every method', async () => {
    const base = sampleBytes('records', 5000, 1);
    const now = [edited(base, 500), base.subarray(70, 900), sampleBytes('noise', 300, 2), sampleBytes('text', 800, 3)];
    const [first, , third, fourth] = now as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const parts = [patched(0, base, first), ranged(0, base, 70, 830), stored(third), framed(fourth), copied(0)];
    const target = Buffer.concat([...now, base]);
    const lengths = [...now, base].map((bytes) => bytes.length);
    expect(await applied(base, writeDelta(plain(base, parts, target, lengths)))).toEqual(target);
  });

  it('opens no stream of which it needs nothing', async () => {
    const target = release.base.subarray(0, 150);
    const outer = Buffer.concat([release.base.subarray(0, 200), release.base.subarray(-300)]);
    // Streams that no decoder takes.
    const base = Buffer.from(release.base).fill(0xff, 200, -300 + release.base.length);
    const text = {
      ...{ base, baseRecipe: release.baseRecipe, target, parts: [ranged(0, outer, 0, 150)] },
      targetRecipe: { version: 1, nodes: [{ part: 0, length: 150 }] } as Recipe,
    };
    expect(await applied(base, writeDelta(text))).toEqual(Buffer.from(target));
  });

  it('gives the new parts back whatever the parts and the edits are', async () => {
    const piece = fc.record({
      seed: fc.nat(1000),
      length: fc.integer({ min: 1, max: 4000 }),
      every: fc.integer({ min: 1, max: 900 }),
      how: fc.constantFrom('patched', 'stored', 'framed', 'copied'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
        const olds = pieces.map(({ seed, length }) => sampleBytes('mixed', length, seed));
        const news = pieces.map(({ every, how }, i) => {
          const old = olds[i] as Uint8Array;
          return how === 'copied' ? old : edited(old, every);
        });
        const written = pieces.map(({ how }, i) => {
          const now = news[i] as Uint8Array;
          if (how === 'stored') return stored(now);
          if (how === 'framed') return framed(now);
          return how === 'copied' ? copied(i) : patched(i, olds[i] as Uint8Array, now);
        });
        const recipe = (parts: readonly Uint8Array[]): Recipe => ({
          version: 1,
          nodes: parts.map((bytes, part) => ({ part, length: bytes.length })),
        });
        const target = Buffer.concat(news);
        const text = { base: Buffer.concat(olds), target, baseRecipe: recipe(olds), targetRecipe: recipe(news) };
        expect(await applied(text.base, writeDelta({ ...text, parts: written }))).toEqual(target);
      }),
      { numRuns: 40 },
    );
  });

  it('makes a target of thousands of parts', async () => {
    const count = 5000;
    const base = sampleBytes('noise', 16 * count, 1);
    const nodes = Array.from({ length: count }, (_, part) => ({ part, length: 16 }));
    const recipe: Recipe = { version: 1, nodes };
    const parts = nodes.map((_, part) => copied(count - 1 - part));
    const target = Buffer.concat(nodes.map((_, i) => base.subarray(16 * (count - 1 - i), 16 * (count - i))));
    const text = { base, target, baseRecipe: recipe, targetRecipe: recipe, parts };
    expect((await applied(base, writeDelta(text))).equals(target)).toBe(true);
  });
});

describe('a delta that was interrupted', () => {
  const decoded = ['new-0', 'new-2'];

  it('goes on behind the parts that were finished', async () => {
    const shelf = new PartShelf();
    const stop = (index: number) => {
      if (index === 3) throw new Error('killed');
    };
    await expect(applied(release.base, delta, { shelf, onPart: stop })).rejects.toThrow('killed');
    expect(shelf.begun.filter((name) => name.startsWith('new'))).toEqual(decoded);
    shelf.begun.length = 0;
    expect((await applied(release.base, delta, { shelf })).equals(Buffer.from(release.target))).toBe(true);
    expect(shelf.begun.filter((name) => name.startsWith('new'))).toEqual([]);
  });

  it('makes a finished part again whose bytes have changed meanwhile', async () => {
    const shelf = new PartShelf();
    await applied(release.base, delta, { shelf });
    const damaged = shelf.whole.get('new-2') as Buffer;
    damaged[100] = (damaged[100] as number) ^ 1;
    shelf.begun.length = 0;
    expect((await applied(release.base, delta, { shelf })).equals(Buffer.from(release.target))).toBe(true);
    expect(shelf.begun.filter((name) => name.startsWith('new'))).toEqual(['new-2']);
  });

  it('ends the same wherever it was stopped', async () => {
    let steps = 0;
    await applied(release.base, delta, { checkStopped: () => void steps++ });
    expect(steps).toBeGreaterThan(10);
    for (let at = 1; at <= steps; at++) {
      const shelf = new PartShelf();
      let left = at;
      const checkStopped = () => {
        if (--left === 0) throw new Error('killed');
      };
      await expect(applied(release.base, delta, { shelf, checkStopped })).rejects.toThrow('killed');
      expect((await applied(release.base, delta, { shelf })).equals(Buffer.from(release.target))).toBe(true);
    }
  });
});

describe('a delta of one part', () => {
  const program = smallProgram();

  it('makes its target', async () => {
    expect((await applied(program.base, writeDelta(program))).equals(Buffer.from(program.target))).toBe(true);
  });

  it('is refused for another base, whatever goes wrong first', async () => {
    for (const at of [0, 15_000, program.base.length - 1]) {
      const base = Buffer.from(program.base);
      base[at] = (base[at] as number) ^ 1;
      expect(await codeOf(applied(base, writeDelta(program)))).toBe('delta-base-mismatch');
    }
    expect(await codeOf(applied(program.base.subarray(1), writeDelta(program)))).toBe('delta-base-mismatch');
  });

  it('is to blame where the base is the right one', async () => {
    const [only] = program.parts as [(typeof program.parts)[0]];
    const data = only.data.slice();
    data[data.length >> 1] = (data[data.length >> 1] as number) ^ 1;
    const code = await codeOf(applied(program.base, writeDelta({ ...program, parts: [{ ...only, data }] })));
    expect(code).toMatch(/^delta-(part-mismatch|malformed|truncated|out-of-bounds)$/);
  });
});

describe('a delta that does not fit', () => {
  it('is refused for a base of another length, or with one bit changed', async () => {
    expect(await codeOf(applied(release.base.subarray(1), delta))).toBe('delta-base-mismatch');
    for (const at of [0, 4000, release.base.length - 1]) {
      const base = Buffer.from(release.base);
      base[at] = (base[at] as number) ^ 1;
      expect(await codeOf(applied(base, delta))).toBe('delta-base-mismatch');
    }
  });

  it('is refused wherever it is cut off', async () => {
    const codes = new Set<string>();
    for (let length = 0; length < delta.length; length++) {
      codes.add(await codeOf(applied(release.base, delta.subarray(0, length))));
    }
    expect([...codes]).toEqual(['delta-truncated']);
    expect(await codeOf(applied(release.base, Buffer.concat([delta, Buffer.from([0])])))).toBe('delta-malformed');
  });

  it.each([1, 0x80, 0xff])('is refused with any one byte changed by %i', async (by) => {
    const base = sampleBytes('records', 600, 1);
    const now = [edited(base, 200), sampleBytes('noise', 20, 2), sampleBytes('text', 60, 3)] as const;
    const parts = [patched(0, base, now[0]), stored(now[1]), framed(now[2]), ranged(0, base, 9, 30)];
    const target = Buffer.concat([...now, base.subarray(9, 39)]);
    const lengths = [...now.map((bytes) => bytes.length), 30];
    for (const [from, small] of [
      [release.base, delta],
      [base, writeDelta(plain(base, parts, target, lengths))],
    ] as const) {
      for (let at = 0; at < small.length; at++) {
        const changed = Buffer.from(small);
        changed[at] = (changed[at] as number) ^ by;
        expect(await codeOf(applied(from, changed))).toMatch(/^delta-/);
        // Who mends the seal meets the decoders: they refuse it, or the bit decided nothing.
        const code = await codeOf(applied(from, sealed([changed.subarray(0, -sealBytes)])));
        if (at < small.length - sealBytes) expect(code).toMatch(/^(delta|recipe|compression|length)-|^no error$/);
      }
    }
  });
});

describe('a forged delta', () => {
  const forged = (change: (parts: DeltaPart[]) => void) => {
    return writeDelta(release, (directory) => {
      const parts = directory.parts.map((part) => ({ ...part }));
      change(parts);
      return { ...directory, parts };
    });
  };
  const withPart = (index: number, change: object) =>
    forged((parts) => {
      parts[index] = { ...parts[index], ...change } as DeltaPart;
    });
  const withDirectory = (change: (directory: DeltaDirectory) => Partial<DeltaDirectory>) =>
    writeDelta(release, (directory) => ({ ...directory, ...change(directory) }));
  const huge = limits.maxComponentBytes;

  it.each([
    ['a part longer than its place', withPart(2, { length: huge }), 'delta-malformed'],
    ['a part shorter than its place', withPart(2, { length: 1 }), 'delta-malformed'],
    ['a part from an old part that is not there', withPart(1, { oldPart: 5 }), 'delta-malformed'],
    ['a copy of an old part of another length', withPart(1, { oldPart: 4 }), 'delta-malformed'],
    ['a range that ends outside', withPart(3, { offset: 5000 }), 'delta-out-of-bounds'],
    ['a range that begins far outside', withPart(3, { offset: 2 ** 52 }), 'delta-out-of-bounds'],
    ['a section that takes bytes of the next', withPart(0, { dataLength: 10_000 }), 'delta-truncated'],
    ['a part made from another one', withPart(2, { oldPart: 1 }), /^delta-/],
    ['a wrong digest of a part', withPart(2, { sha256: '0'.repeat(64) }), 'delta-part-mismatch'],
    ['a range with a wrong digest', withPart(3, { sha256: '0'.repeat(64) }), 'delta-part-mismatch'],
    ['a longer target', withDirectory((d) => ({ target: { ...d.target, length: huge } })), 'delta-malformed'],
    ['a longer base', withDirectory((d) => ({ base: { ...d.base, length: huge } })), 'delta-malformed'],
    ['a wrong digest of the target', withDirectory((d) => ({ target: d.base })), 'delta-malformed'],
    ['recipes that take the parts', withDirectory((d) => ({ recipesLength: d.recipesLength + 9 })), 'delta-truncated'],
    ['a part too few', withDirectory((d) => ({ parts: d.parts.slice(0, 4) })), 'delta-malformed'],
  ])('with %s is refused', async (_what, file, code) => {
    expect(await codeOf(applied(release.base, file))).toMatch(code);
  });

  it('with another digest of the whole than its parts give is refused', async () => {
    const file = withDirectory((d) => ({ target: { ...d.target, sha256: '0'.repeat(64) } }));
    expect(await codeOf(applied(release.base, file))).toBe('recipe-not-reproducible');
  });

  const withTarget = (nodes: readonly RecipeNode[]) => writeDelta({ ...release, targetRecipe: { version: 1, nodes } });
  const { nodes } = release.targetRecipe;

  it('with a recipe that makes other bytes is refused', async () => {
    const other = nodes.map((node) => ('zstd' in node ? { ...node, zstd: { ...node.zstd, level: 19 } } : node));
    expect(await codeOf(applied(release.base, withTarget(other as RecipeNode[])))).toBe('recipe-not-reproducible');
  });

  it('with streams inside streams without end is refused', async () => {
    let inner: RecipeNode = { part: 0, length: 10 };
    for (let depth = 0; depth <= limits.maxRecipeDepth; depth++) {
      inner = { deflate: { encoder: 'go', level: 6 }, length: 10, nodes: [inner] };
    }
    expect(await codeOf(applied(release.base, withTarget([inner])))).toBe('recipe-limit-exceeded');
  });

  it('with a stream that would unpack to millions of times its length is refused', async () => {
    for (const key of ['targetRecipe', 'baseRecipe'] as const) {
      const bomb = nodesWithContent(release[key].nodes, 2 ** 34);
      const text = { ...release, [key]: { version: 1, nodes: bomb } };
      expect(await codeOf(applied(release.base, writeDelta(text)))).toBe('recipe-limit-exceeded');
    }
  });

  it('with a base that holds other streams than its recipe says is refused', async () => {
    const text = { ...release, baseRecipe: { version: 1, nodes: nodesWithContent(release.baseRecipe.nodes, 6001) } };
    const parts = release.parts.map((written) => {
      return written.part.method === 'copy' && written.part.oldPart === 1 ? stored(new Uint8Array(6000)) : written;
    });
    const code = await codeOf(applied(release.base, writeDelta({ ...(text as DeltaText), parts })));
    expect(code).toBe('recipe-malformed');
  });
});

/** The recipe with another length of part 1, which lies in the zstd frame. */
function nodesWithContent(nodes: readonly RecipeNode[], length: number): RecipeNode[] {
  return nodes.map((node) => {
    if ('part' in node) return node.part === 1 ? { ...node, length } : node;
    return { ...node, nodes: nodesWithContent(node.nodes, length) } as RecipeNode;
  });
}
