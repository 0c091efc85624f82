/**
 * Runs a program that must not reach any network: in a network namespace of its own where the system allows that, and
 * everywhere with proxies that lead nowhere, without git, and without other programs on its PATH.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Nothing listens there. */
const nowhere = 'http://127.0.0.1:9';
const environment = {
  PATH: '/nonexistent',
  HOME: '/nonexistent',
  HTTP_PROXY: nowhere,
  HTTPS_PROXY: nowhere,
  ALL_PROXY: nowhere,
  http_proxy: nowhere,
  https_proxy: nowhere,
  all_proxy: nowhere,
  NO_PROXY: '',
  no_proxy: '',
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
};

interface RunBounds {
  readonly maxOutputBytes: number;
  readonly timeoutMs: number;
}

/** How a namespace is entered: as root, or as somebody who becomes root of one. */
const ways: readonly (readonly string[])[] = [['--net'], ['--user', '--map-root-user', '--net']];
const places = ['/usr/bin/unshare', '/bin/unshare'];

let known: Promise<readonly string[] | undefined> | undefined;

/** Words to put in front of a command; undefined where the system allows no namespace. Found out once. */
export function namespaceCommand(): Promise<readonly string[] | undefined> {
  known ??= findNamespaceCommand();
  return known;
}

async function findNamespaceCommand(): Promise<readonly string[] | undefined> {
  for (const place of places) {
    for (const way of ways) {
      const command = [place, ...way, '--'];
      const [program = '', ...args] = [...command, process.execPath, '--version'];
      const isAllowed = await run(program, args, { env: environment, timeout: 10_000 }).then(
        () => true,
        () => false,
      );
      if (isAllowed) return command;
    }
  }
  return undefined;
}

/** @returns the file that a name on the PATH means; undefined when there is none */
export async function programOf(name: string, searched: string | undefined): Promise<string | undefined> {
  for (const folder of (searched ?? '').split(path.delimiter).filter((part) => path.isAbsolute(part))) {
    const file = path.join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

/** @returns its output @throws Error of execFile, with `stderr` */
export async function runWithoutNetwork(program: string, args: readonly string[], bounds: RunBounds): Promise<string> {
  const [first = program, ...rest] = [...((await namespaceCommand()) ?? []), program, ...args];
  const { stdout } = await run(first, rest, {
    env: environment,
    maxBuffer: bounds.maxOutputBytes,
    timeout: bounds.timeoutMs,
    killSignal: 'SIGKILL',
  });
  return stdout;
}
