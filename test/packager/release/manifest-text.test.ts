import { describe, expect, it } from 'vitest';
import { joinManifests, readManifestText } from '../../../packager/release/manifest-text.ts';
import { DocumentError, type DocumentProblem } from '../../../system/documents/document.ts';

const bytes = (text: string) => Buffer.from(text);
const joined = (...texts: string[]) =>
  Buffer.from(joinManifests(texts.map((text, index) => readManifestText(bytes(text), `${index}.yaml`)))).toString();

function problemsOf(content: string | Uint8Array, file = 'a.yaml'): readonly DocumentProblem[] {
  try {
    readManifestText(typeof content === 'string' ? bytes(content) : content, file);
  } catch (error) {
    if (error instanceof DocumentError) return error.problems;
    throw error;
  }
  return [];
}

describe('a manifest', () => {
  it.each<[string, string | Uint8Array, number, number]>([
    ['in Latin-1', Buffer.from('kind: A\nname: gr\xf6\xdfe\n', 'latin1'), 2, 9],
    ['in UTF-16 with a byte order mark', Buffer.from('\ufeffkind: A\n', 'utf16le'), 1, 1],
    ['in UTF-16 without one', Buffer.from('kind: A\n', 'utf16le'), 1, 2],
    ['with a character cut off at its end', Buffer.from('kind: €').subarray(0, -1), 1, 7],
    ['with half of a surrogate pair', Buffer.from([0x61, 0x3a, 0x20, 0xed, 0xa0, 0x80]), 1, 4],
    ['with a control character', 'kind: A\nname: "\x1b[0m"\n', 2, 8],
    ['with a %YAML directive', '# first\n%YAML 1.2\n---\nkind: A\n', 2, 1],
    ['with a %TAG directive between documents', 'kind: A\n...\n%TAG ! tag:x,2000:\n---\nkind: B\n', 3, 1],
    ['with a document behind an end marker', 'kind: A\n...\nkind: B\n', 3, 1],
    ['with content beside a start marker', 'kind: A\n--- {kind: B}\n', 2, 4],
    ['indented by tabs', 'kind: A\nspec:\n\ta: 1\n', 3, 1],
    ['with a key twice', 'kind: A\nspec:\n  a: 1\n  b: 2\n  a: 3\n', 5, 3],
    ['with a key twice in its second document', 'kind: A\n---\nkind: B\nkind: C\n', 4, 1],
    ['with a key as number and as text', '1: a\n"1": b\n', 2, 1],
    ['with an alias of nothing', 'kind: A\nspec: *none\n', 2, 7],
    ['that is no YAML', 'kind: [\n', 2, 1],
  ])('%s is refused with file and line', (_what, content, line, column) => {
    expect(problemsOf(content)[0]).toMatchObject({ line, column });
  });

  it('nested more deeply than anything reads is refused', () => {
    expect(problemsOf(`kind: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)[0]).toMatchObject({ line: 1 });
  });

  it('in JSON with a key twice, with a comment or in YAML is refused by its name', () => {
    for (const text of ['{"a": 1, "a": 2}', '{"a": 1} # one', 'a: 1', '{a: 1}', '{} {}']) {
      expect(problemsOf(text, 'a.JSON'), text).not.toEqual([]);
    }
    expect(problemsOf('\n', 'a.json')).toEqual([]);
  });

  it.each([
    ['with Windows line ends', 'kind: A\r\n---\r\nkind: B\r\n'],
    ['with comments beside start markers', '--- # first\nkind: A\n---   \nkind: B'],
    ['that ends its documents', 'kind: A\n...\n---\nkind: B\n...\n'],
    ['with a percent sign in a block', 'a: |\n  %YAML 1.2\nb: 1\n---\nc: 2\n'],
    ['with anchors, and what looks like a marker in a block', 'a: &x [1]\nb: *x\nc: |\n  ---\n  d\n---\ne: 1\n'],
    ['with flow indented by tabs', '{\n\t"a": 1\n}\n---\nb: 1\n'],
  ])('%s has two documents', (_what, text) => {
    expect(readManifestText(bytes(text), 'a.yaml').documents).toHaveLength(2);
  });

  it('loses a byte order mark and nothing else', () => {
    expect(readManifestText(bytes('\ufeffkind: "\ufeffA"\n'), 'a.yaml').text).toBe('kind: "\ufeffA"\n');
  });

  it('with 20,000 keys is read in the time that its length takes', { timeout: 20_000 }, () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join('');
    expect(readManifestText(bytes(text), 'a.yaml').documents).toHaveLength(1);
  });
});

describe('several manifests', () => {
  it('are one stream with all of their documents', () => {
    expect(joined('kind: A', '--- # b\nkind: B\n', 'kind: C\n...\n')).toBe(
      '---\nkind: A\n--- # b\nkind: B\n---\nkind: C\n...\n',
    );
  });

  it('of which one would change when another follows it are refused with its file and line', () => {
    const change = () => joined('kind: A\nscript: |\n  exit 0', 'kind: B\n');
    expect(change).toThrow(DocumentError);
    expect(change).toThrow(/0\.yaml:3:1: /);
    expect(joined('script: |-\n  exit 0', 'kind: B\n')).toBe('---\nscript: |-\n  exit 0\n---\nkind: B\n');
  });
});
