/** Makes an executable of launcher.c: a program of its own to the kernel, whose work is done by a Node program. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export interface Launcher {
  /** What `--version` and `version` print. */
  readonly versionText: string;
  /** The Node that runs it, and the program. */
  readonly node: string;
  readonly program: string;
}

/** What has to be installed for it. */
export const commandsOfStandIns = ['gcc', 'openssl'] as const;

export function compileLauncher(file: string, { versionText, node, program }: Launcher): void {
  const texts = Object.entries({ VERSION_TEXT: versionText, NODE: node, PROGRAM: program });
  const given = texts.map(([name, text]) => `-D${name}=${JSON.stringify(text)}`);
  // Static, so that it runs in a machine with other libraries.
  execFileSync('gcc', ['-static', '-O1', '-Wall', ...given, '-o', file, path.join(import.meta.dirname, 'launcher.c')]);
}
