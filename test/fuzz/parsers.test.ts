/** Each parser reads what is valid, and withstands 2,000 damaged documents; SLIPWAY_SEED repeats a run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLongRun, isWideRun } from '../sampling.ts';
import { found } from './found.ts';
import { fuzz } from './fuzzing.ts';
import { allParsers, outcomeOfParsing, type Parser } from './parsers.ts';

/** The same in each `npm test`, another one in each long run. */
const usual = isLongRun ? Math.floor(Math.random() * 2 ** 31) : 20261129;
const seed = Number(process.env.SLIPWAY_SEED ?? usual);
const inputs = isLongRun ? 200_000 : isWideRun ? 2000 : 500;

const names = [
  ...[
    'metadata',
    'manifest',
    'grant',
    'answer with a permit',
    'delta',
    'delta that is sealed again',
    'VCDIFF',
    'recipe',
  ],
  ...['journal', 'bundle', 'Content-Range', 'Range', 'rollout YAML', 'people YAML', 'bearer of a person'],
  ...['statement of provenance', 'SBOM', 'list of checksums', 'cosign bundle', 'signed request', 'private link'],
];

describe(`seeds from ${seed}`, () => {
  let parsers: ReadonlyMap<string, Parser>;
  beforeAll(async () => {
    parsers = new Map((await allParsers()).map((parser) => [parser.name, parser]));
  });
  afterAll(() => {
    for (const parser of parsers.values()) parser.close?.();
  });
  const parserOf = (name: string) => {
    const parser = parsers.get(name);
    if (!parser) throw new Error(`no parser ${name}`);
    return parser;
  };

  it('names every parser', () => expect([...parsers.keys()]).toEqual(names));

  it.each(names.filter((name) => !name.includes('sealed again')))('%s: what is valid is read', async (name) => {
    const parser = parserOf(name);
    for (const sample of parser.samples) {
      // A second root of version 1 goes back, and says so.
      expect(['read', 'metadata-rolled-back', 'metadata-malformed']).toContain(await outcomeOfParsing(parser, sample));
    }
  });

  it.each(names)(`%s: ${inputs} damaged documents end by a code`, { timeout: 3_600_000 }, async (name) => {
    const outcomes = await fuzz(parserOf(name), seed, inputs);
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(inputs);
  });

  it('what was found once stays withstood', async () => {
    for (const [name, base64] of found) await outcomeOfParsing(parserOf(name), Buffer.from(base64, 'base64'));
  });
});
