/** Makes executables of C files: programs of their own to the kernel, whose work is done by a Node program. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { type GoMarks, writeMarks } from './go-marks.ts';

export interface Launcher {
  /** What `--version` and `version` print. */
  readonly versionText: string;
  /** The Node that runs it, and the program. */
  readonly node: string;
  readonly program: string;
  /** JSON that the program finds in its environment. */
  readonly behaviour?: string;
  /** Where Node keeps what it compiled of the program; nowhere by default. */
  readonly compiled?: string;
}

/** In a machine, whose processes start the same programs again and again. */
export const compiledInMachine = '/var/cache/stand-ins';

/** What has to be installed for it. */
export const commandsOfStandIns = ['gcc', 'openssl'] as const;

export function compileLauncher(
  file: string,
  { versionText, node, program, behaviour = '', compiled = '' }: Launcher,
  marks?: GoMarks,
): void {
  const texts = { VERSION_TEXT: versionText, NODE: node, PROGRAM: program, COMPILED: compiled, BEHAVIOUR: behaviour };
  compile(file, 'launcher.c', texts, marks);
}

/**
 * @param source below this folder @param texts given to the compiler as macros
 * @param marks what a reader of Go programs finds in it
 */
export function compile(file: string, source: string, texts: Record<string, string>, marks?: GoMarks): void {
  const given = Object.entries(texts).map(([name, text]) => `-D${name}=${JSON.stringify(text)}`);
  const sources = [path.join(import.meta.dirname, source)];
  if (marks) {
    writeMarks(`${file}.marks.c`, marks);
    sources.push(`${file}.marks.c`);
  }
  // Static, so that it runs in a machine with other libraries.
  execFileSync('gcc', ['-static', '-O1', '-Wall', ...given, '-o', file, ...sources]);
}
