import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { limits } from '../../../contract/limits.ts';
import { DocumentError, parseDocument } from '../../../system/documents/document.ts';
import { readYaml } from '../../../system/documents/yaml-text.ts';
import { isLongRun, isWideRun } from '../../sampling.ts';
import { billionLaughs, hostileYaml } from './hostile-yaml.ts';

/** CPU time of this process, however busy the machine is. What grows with the square of the length shows in the short one too. */
const maxCpuMs = (length: number) => (length > 100_000 ? 8_000 : 3_000);
/** The short one stays below most bounds, so that all stages see it; one between: `npm run test:long`. */
const lengths = [isLongRun ? limits.maxDocumentBytes : 389_000, 60_000];

function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function problemsOf(text: string) {
  try {
    parseDocument(text, z.record(z.string(), z.unknown()), 'release.yaml');
  } catch (error) {
    if (error instanceof DocumentError) return error.problems;
    throw error;
  }
  return [];
}

/** Every kind is read in the short length, and every twelfth one in the long length, in CI every fourth; `npm run test:long` has all. */
const kinds = Object.entries(hostileYaml).map(([kind, textOf], at) => {
  const all = isLongRun || at % (isWideRun ? 4 : 12) === 0;
  return { kind, textOf, tried: all ? lengths : lengths.slice(1) };
});

describe.each(kinds)('a document of $kind', ({ textOf, tried }) => {
  it.each(tried)('of %i characters is answered in a time that its length bounds', (length) => {
    const text = textOf(length);
    expect(text.length).toBeLessThanOrEqual(length);
    let problems: readonly { line: number; column: number; message: string }[] = [];
    expect(cpuMsOf(() => (problems = problemsOf(text)))).toBeLessThan(maxCpuMs(length));
    expect(problems.length).toBeLessThanOrEqual(limits.maxProblems + 1);
    for (const { message } of problems) expect(message.length).toBeLessThan(2 * limits.maxProblemCharacters);
  });
});

/** The text, the place where it is stopped, and why. */
const stopped: readonly (readonly [string, string, number, number, string])[] = [
  ['nesting', '['.repeat(10_000), 1, limits.maxYamlDepth + 1, 'nested deeper than 200 levels'],
  ['anchors', '- &a 1\n'.repeat(330_000 / 7), limits.maxYamlAnchors + 1, 3, 'more than 1000 anchors'],
  ['aliases', `- &a 1\n${'- *a\n'.repeat(2000)}`, limits.maxYamlAnchors + 2, 3, 'more than 1000 aliases'],
  ['comments', '#\n'.repeat(500_000), limits.maxYamlTokens / 2 + 1, 1, 'more than 500000 tokens'],
  ['documents', '---\na: 1\n'.repeat(10_001), 2 * limits.maxYamlDocuments - 1, 1, 'more than 10000 documents'],
  ['directives', '%TAG !a! b\n---\n- 1\n', 1, 1, 'expected no directive but %YAML 1.2'],
  ['an alias inside of its anchor', 'a: &a\n  - *a\n', 2, 5, 'inside of what it stands for'],
  ['an alias before its anchor', 'a: *b\nb: &b 1\n', 1, 4, 'no anchor b is before this alias'],
  ['a list as key', 'a: 1\n[b]: 2\n', 2, 1, 'expected a name as key'],
  ['aliases that multiply', billionLaughs, 1, 1, 'with its aliases written out'],
];

describe('a document with too much', () => {
  it.each(stopped)('%s is refused at its place', (_, text, line, column, message) => {
    const read = readYaml(text);
    const problems = [...read.problems, ...read.documents.flatMap((document) => document.problems)];
    const last = problems.at(-1);
    expect(last?.message).toContain(message);
    expect(read.placeOf(last?.offset ?? 0)).toEqual({ line, column });
  });

  it('problems tells the first ones, and that there are more', () => {
    const { problems, documents } = readYaml('}\n'.repeat(50_000));
    expect(documents).toEqual([]);
    expect(problems).toHaveLength(limits.maxProblems + 1);
    expect(problems.at(-1)?.message).toContain('more than 100 problems');
  });
});

describe('a key that comes twice', () => {
  it.each([
    ['in a mapping', 'a: 1\nb: 2\na: 3\n', 3, 1],
    ['in a flow mapping', '{a: 1, "a": 2}', 1, 8],
    ['deep inside', 'x:\n  - y: {a: 1}\n    y: 2\n', 3, 5],
    [
      'behind fifty thousand others',
      `${Array.from({ length: 50_000 }, (_, i) => `k${i}: 1\n`).join('')}k7: 1`,
      50_001,
      1,
    ],
  ])('%s is refused at the second one', (_, text, line, column) => {
    expect(problemsOf(text)).toEqual([{ line, column, path: '', message: 'Map keys must be unique' }]);
  });

  it('is no problem in two documents, nor in two mappings', () => {
    const { documents, problems } = readYaml('a: 1\n---\na: {a: 1}\n');
    expect([...problems, ...documents.flatMap((document) => document.problems)]).toEqual([]);
    expect(documents.map((document) => document.toPlain())).toEqual([{ a: 1 }, { a: { a: 1 } }]);
  });
});

it('an anchor that is used a few hundred times means the same as what it stands for', () => {
  const text = `a: &a {b: [1, 2]}\n${Array.from({ length: 300 }, (_, i) => `k${i}: *a\n`).join('')}`;
  const [document] = readYaml(text).documents;
  expect(document?.problems).toEqual([]);
  expect(document?.toPlain()).toMatchObject({ k0: { b: [1, 2] }, k299: { b: [1, 2] } });
});

it('a text that looks like an anchor or a directive is a text', () => {
  const [document] = readYaml('a: |\n  &b 1\n  *c\n  %d\nb: "&x"\n').documents;
  expect(document?.toPlain()).toEqual({ a: '&b 1\n*c\n%d\n', b: '&x' });
});
