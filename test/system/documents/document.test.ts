import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DocumentError, parseDocument } from '../../../system/documents/document.ts';

const schema = z.strictObject({
  product: z.string(),
  components: z.array(z.strictObject({ name: z.string(), counter: z.number().int() })),
});

function problemsOf(text: string) {
  try {
    parseDocument(text, schema, 'release.yaml');
  } catch (error) {
    if (error instanceof DocumentError) return error.problems;
    throw error;
  }
  throw new Error('the document was accepted');
}

describe('a document that a person wrote', () => {
  it('becomes its typed value', () => {
    const text = 'product: k3s-edge\ncomponents:\n  - {name: k3s, counter: 3}\n';
    expect(parseDocument(text, schema, 'release.yaml')).toEqual({
      product: 'k3s-edge',
      components: [{ name: 'k3s', counter: 3 }],
    });
  });

  it('reports an unknown key at the key, with line and column', () => {
    const text = 'product: k3s-edge\ncomponents:\n  - name: k3s\n    counter: 3\n    conter: 4\n';
    expect(problemsOf(text)).toEqual([{ line: 5, column: 5, path: 'components.0.conter', message: 'unknown key' }]);
  });

  it('reports a wrong value at the value', () => {
    const text = 'product: k3s-edge\ncomponents:\n  - name: k3s\n    counter: many\n';
    expect(problemsOf(text)).toMatchObject([{ line: 4, column: 14, path: 'components.0.counter' }]);
  });

  it('reports a missing value at the mapping that lacks it', () => {
    expect(problemsOf('components:\n  - name: k3s\n    counter: 1\n')).toMatchObject([{ line: 1, path: 'product' }]);
  });

  it('reports every problem, not only the first', () => {
    expect(
      problemsOf('product: 1\ncomponents: 2\nextra: 3\n')
        .map((p) => p.path)
        .sort(),
    ).toEqual(['components', 'extra', 'product']);
  });

  it.each([
    ['broken syntax', 'product: [\n'],
    ['one key twice', 'product: a\nproduct: b\ncomponents: []\n'],
    ['two documents', 'product: a\n---\nproduct: b\n'],
  ])('refuses %s with a place', (_, text) => {
    const [problem] = problemsOf(text);
    expect(problem?.line).toBeGreaterThanOrEqual(1);
    expect(problem?.column).toBeGreaterThanOrEqual(1);
  });

  it('refuses a document whose aliases multiply', () => {
    const bomb = ['a: &a [1,1,1,1,1,1,1,1,1]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg'].map((pair) => [...pair])) {
      bomb.push(`${to}: &${to} [*${from},*${from},*${from},*${from},*${from},*${from},*${from},*${from},*${from}]`);
    }
    expect(problemsOf(bomb.join('\n'))).toHaveLength(1);
  });
});
