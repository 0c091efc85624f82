/** YAML that costs a reader more than its length: one text for each way, as long as asked for. */

/** @param length of the text in characters; a little less may come */
export const hostileYaml: Readonly<Record<string, (length: number) => string>> = {
  'a flat mapping of different keys': (length) => counted((i) => `k${i}: 1\n`, length),
  'a flat mapping of one key': (length) => repeated('a: 1\n', length),
  'a flow mapping of different keys': (length) => `{${counted((i) => `k${i}: 1,`, length - 2)}}`,
  'a list of commas': (length) => `[${repeated(',', length - 2)}]`,
  'a list of empty mappings': (length) => `[${repeated('{},', length - 2)}]`,
  'lists as keys': (length) => counted((i) => `[a${i}]: 1\n`, length),
  'open brackets': (length) => repeated('[', length),
  'open and closed brackets': (length) => repeated('[', length / 2) + repeated(']', length / 2),
  'lists inside lists': (length) => repeated('- ', length),
  'keys inside keys': (length) => repeated('? ', length),
  'mappings inside mappings': (length) =>
    Array.from({ length: Math.floor(Math.sqrt(2 * length)) - 4 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
  'values without keys': (length) => repeated(': ', length),
  'anchors of different names': (length) => counted((i) => `- &a${i} 1\n`, length),
  'anchors of one name': (length) => repeated('- &a 1\n', length),
  'aliases of one anchor': (length) => `- &a 1\n${repeated('- *a\n', length - 7)}`,
  'anchors and aliases': (length) => counted((i) => `- &a${i} 1\n- *a${i}\n`, length),
  'merged mappings': (length) => `a: &a {b: 1}\n${counted((i) => `k${i}: {<<: *a}\n`, length - 13)}`,
  comments: (length) => repeated('#\n', length),
  'comments inside a mapping': (length) => `a:\n${repeated('#\n', length - 10)}  b: 1\n`,
  documents: (length) => repeated('---\na: 1\n', length),
  'ends of documents': (length) => repeated('...\n', length),
  directives: (length) => `${counted((i) => `%TAG !a${i}! b\n`, length - 8)}---\n- 1\n`,
  'unknown tags': (length) => counted((i) => `- !x${i} a\n`, length),
  'an ordered map': (length) => `!!omap\n${counted((i) => `- k${i}: 1\n`, length - 7)}`,
  'broken tags': (length) => repeated('!<x\n', length),
  'closing braces': (length) => repeated('}\n', length),
  'mappings on one line': (length) => repeated('a: b: c\n', length),
  'empty lines': (length) => repeated('\n', length),
  'one long word': (length) => `a: ${repeated('x', length - 3)}`,
  'one long number': (length) => `a: ${repeated('1', length - 3)}`,
  'one long key': (length) => `${repeated('x', length - 3)}: 1`,
  'one long text of escapes': (length) => `a: "${repeated('\\n', length - 5)}"`,
  'a text of many lines': (length) => `a: |\n${repeated('  x\n', length - 5)}`,
  'a text of empty lines': (length) => `a: |\n${repeated('\n', length - 5)}`,
};

/** Aliases of aliases: nine of each in the next. */
export const billionLaughs = [
  'a: &a [1,1,1,1,1,1,1,1,1]',
  ...['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'].map(
    ([from, to]) => `${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(',')}]`,
  ),
].join('\n');

function repeated(unit: string, length: number): string {
  return unit.repeat(Math.floor(length / unit.length));
}

function counted(unit: (index: number) => string, length: number): string {
  const units: string[] = [];
  for (let i = 0, sum = 0; ; i++) {
    const text = unit(i);
    sum += text.length;
    if (sum > length) return units.join('');
    units.push(text);
  }
}
