/**
 * The root file system of a minimal Debian with systemd, built once by mmdebstrap and kept in the user's cache under
 * the digest of its recipe. Never changed afterwards: machines run on overlays of it, see systemd-machine.ts.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const suite = 'bookworm';
const recipe = [
  '--mode=root',
  '--variant=minbase',
  '--include=systemd,systemd-sysv,dbus',
  ...['doc', 'man', 'locale', 'info'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  // Empty, each machine gets an id of its own when it boots; without the file it would ask people questions.
  '--customize-hook=: > "$1"/etc/machine-id',
  // Some twenty programs that each reload of the manager would start; the machines have nothing for them to find.
  '--customize-hook=rm "$1"/usr/lib/systemd/system-generators/*',
  '--customize-hook=echo 127.0.0.1 localhost > "$1"/etc/hosts',
];

/** Download included: about 40 s on two cores. */
const buildTimeoutMs = 300_000;

/** @returns the folder of the root; builds it when there is none. @throws Error with the last lines of mmdebstrap */
export async function systemdRoot(): Promise<string> {
  const digest = createHash('sha256')
    .update([suite, ...recipe].join('\0'))
    .digest('hex')
    .slice(0, 16);
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'slipway');
  const root = path.join(cache, `systemd-root-${digest}`);
  if (existsSync(root)) return root;
  await mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  const partial = path.join(cache, `partial-${process.pid}-${digest}`);
  try {
    const build = ['--pdeathsig', 'TERM', 'mmdebstrap', ...recipe, suite, partial];
    await run('setpriv', build, { timeout: buildTimeoutMs, maxBuffer: 64 * 1024 * 1024 });
    await rename(partial, root);
  } catch (error) {
    await remove(partial);
    // Another run may have been faster.
    if (!existsSync(root)) throw new Error(`mmdebstrap: ${lastLines(error)}`);
  }
  return root;
}

/** What builds left behind that were killed. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const pid = /^partial-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await remove(path.join(cache, name));
  }
}

/** Never across a mount: a build that was killed may have had the machine's own /dev in it. */
async function remove(folder: string): Promise<void> {
  await run('rm', ['-rf', '--one-file-system', folder]);
}

function lastLines(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr?.trim() || message || String(error)).split('\n').slice(-3).join(' | ');
}
