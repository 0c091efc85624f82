import { describe, expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { parseRecipe, partLengths, recipeText, zstdNodes } from '../../../delta/recipe/recipe.ts';

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const part = { part: 0, length: 5 };
const deflate = { encoder: 'go', level: 9 };
const zstd = {
  encoder: 'libzstd',
  version: '1.5.7',
  level: 16,
  windowLog: 25,
  longDistance: true,
  jobs: true,
  checksum: true,
  contentSize: true,
};

/** Nodes inside one another, `levels` deep. */
function nested(levels: number): Uint8Array {
  const open = `{"deflate":${JSON.stringify(deflate)},"length":10,"nodes":[`;
  const nodes = `${open.repeat(levels)}${JSON.stringify(part)}${']}'.repeat(levels)}`;
  return new TextEncoder().encode(`{"version":1,"nodes":[${nodes}]}`);
}

describe('a recipe', () => {
  it('reads as it was written', () => {
    const recipe = {
      version: 1 as const,
      nodes: [
        part,
        {
          zstd,
          length: 9,
          nodes: [
            { part: 1, length: 7 },
            { deflate, length: 3, nodes: [part] },
          ],
        },
      ],
    };
    expect(parseRecipe(text(recipe))).toEqual(recipe);
    expect(parseRecipe(recipeText(parseRecipe(text(recipe))))).toEqual(recipe);
    expect(partLengths(parseRecipe(text(recipe)))).toEqual([10, 7]);
    expect(zstdNodes(parseRecipe(text(recipe)).nodes)).toHaveLength(1);
  });

  it.each([
    ['no JSON', new Uint8Array([0xff, 0xfe])],
    ['another version', text({ version: 2, nodes: [] })],
    ['an unknown key', text({ version: 1, nodes: [], more: 1 })],
    ['a node of no kind', text({ version: 1, nodes: [{ length: 5 }] })],
    ['a node of two kinds', text({ version: 1, nodes: [{ ...part, deflate, nodes: [] }] })],
    ['an empty piece', text({ version: 1, nodes: [{ part: 0, length: 0 }] })],
    ['a length that is no whole number', text({ version: 1, nodes: [{ part: 0, length: 1.5 }] })],
    ['a length that cannot be counted', text({ version: 1, nodes: [{ part: 0, length: 2 ** 60 }] })],
    ['a negative length', text({ version: 1, nodes: [{ part: 0, length: -1 }] })],
    ['a part number too large', text({ version: 1, nodes: [{ part: limits.maxRecipeParts, length: 1 }] })],
    ['a hole in the part numbers', text({ version: 1, nodes: [part, { part: 2, length: 1 }] })],
    [
      'an unknown encoder',
      text({ version: 1, nodes: [{ deflate: { encoder: 'x', level: 1 }, length: 1, nodes: [] }] }),
    ],
    ['an unknown level', text({ version: 1, nodes: [{ deflate: { ...deflate, level: 10 }, length: 1, nodes: [] }] })],
    ['a window too large', text({ version: 1, nodes: [{ zstd: { ...zstd, windowLog: 31 }, length: 1, nodes: [] }] })],
    ['a forged prototype', new TextEncoder().encode('{"version":1,"nodes":[],"__proto__":{}}')],
  ])('is refused as malformed: %s', (_, bytes) => {
    expect(() => parseRecipe(bytes)).toThrow(expect.objectContaining({ code: 'recipe-malformed' }));
  });

  it.each([
    ['too deep', nested(limits.maxRecipeDepth + 1)],
    ['too deep by far', nested(100_000)],
    ['too many bytes in all', text({ version: 1, nodes: Array(5).fill({ part: 0, length: 2 ** 34 }) })],
    ['too many nodes', text({ version: 1, nodes: Array(limits.maxRecipeNodes + 1).fill(part) })],
    ['too long a text', new Uint8Array(limits.maxRecipeBytes + 1)],
  ])('is refused for asking too much: %s', (_, bytes) => {
    expect(() => parseRecipe(bytes)).toThrow(expect.objectContaining({ code: 'recipe-limit-exceeded' }));
  });

  it('needs no encoder for a frame that is only taken apart', () => {
    const inner = { zstd, length: 4, nodes: [part] };
    const recipe = {
      version: 1 as const,
      nodes: [{ zstd: { encoder: 'unknown' as const }, length: 9, nodes: [inner] }],
    };
    expect(parseRecipe(text(recipe))).toEqual(recipe);
    expect(zstdNodes(parseRecipe(text(recipe)).nodes)).toEqual([inner]);
  });

  it('may be as deep as the limit', () => {
    expect(partLengths(parseRecipe(nested(limits.maxRecipeDepth)))).toEqual([5]);
  });
});
