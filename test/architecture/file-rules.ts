/** Rules about files as such: their names, their length, and texts that must never be in them. */
import type { Rule } from './import-rules.ts';
import type { SourceFile } from './source-file.ts';

const drawers = ['utils', 'util', 'helpers', 'helper', 'common', 'lib', 'misc'];
const emptyNames = ['types.ts', 'index.ts'];

/** A file is named for its concept: no drawers, no barrels. */
export const namedForItsConcept: Rule = ({ path }) => {
  const parts = path.split('/');
  const stems = parts.map((part) => part.replace(/\..*$/, ''));
  const isDrawer = stems.some((stem) => drawers.includes(stem));
  return isDrawer || emptyNames.includes(parts.at(-1) ?? '') ? [`${path}: name it for what it owns`] : [];
};

/** Begins a noun, not a sentence: `What a device is called` says nothing about the file. */
const questionWords = /^(What|Whether|Where|Which|How|Who|Whom|Whose|Whoever|Why|When)\b/;

/** A reader learns from the first line of a file what it is for. */
export const saysWhatItIsFor: Rule = ({ path, header }) => {
  if (path.startsWith('test/') || !path.includes('/')) return [];
  if (header === '') return [`${path}: begin it with a sentence that says what it is for`];
  return questionWords.test(header)
    ? [`${path}: begin its header with a subject or a verb, not with a question word`]
    : [];
};

export const maxLines = 300;

/** Files that may be longer, each with the reason. */
export const longFiles: Readonly<Record<string, string>> = {
  'contract/errors.ts': 'The codes are one closed list, a line each.',
};

/** One concept a file: longer ones are in `allowed` with a reason, and leave it when they become short again. */
export function oneConceptLong(allowed: Readonly<Record<string, string>>): Rule {
  return ({ path, lines }) => {
    if (path.startsWith('test/')) return [];
    if (lines < maxLines)
      return path in allowed ? [`${path} has ${lines} lines: take it off the list of long files`] : [];
    return path in allowed ? [] : [`${path} has ${lines} lines: split it, or list it with a reason`];
  };
}

/** Spelled in parts so that this file passes its own rule. */
const foreign: readonly (readonly [string, RegExp])[] = [
  ['a package registry', new RegExp(['registry', '(npmjs|yarnpkg)', '(org|com)'].join('\\.'))],
  ['a registry setting', /^\s*(@[\w-]+:)?registry\s*=/m],
  ['the address a package was fetched from', /"resolved": "https?:/],
  ['a path of one machine', /(?<![\w.$})\]*-])\/(work|root|farm)\//],
];

/** Tracked text works on every machine: no registry's host name, no path of the machine it was written on. */
export function foreignTexts(path: string, text: string): string[] {
  return foreign.flatMap(([what, pattern]) => {
    const found = pattern.exec(text);
    return found ? [`${path}:${text.slice(0, found.index).split('\n').length} names ${what}: ${found[0]}`] : [];
  });
}

/** Compiled by another language, whose exports are called by their names. */
const otherLanguage = /^delta\/assembly\//;
/** Each program has its own table of them. */
const onePerProgram = ['examples'];

/** Names that two files export and that do not mean the same: a reader who looks one up must find one. */
export function namesakes(files: Iterable<SourceFile>): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { path, exports } of files) {
    if (path.startsWith('test/') || otherLanguage.test(path)) continue;
    for (const name of exports) owners.set(name, (owners.get(name) ?? new Set()).add(path));
  }
  return [...owners].flatMap(([name, paths]) =>
    paths.size > 1 && !onePerProgram.includes(name) ? [`${name} is exported by ${[...paths].join(' and ')}`] : [],
  );
}
