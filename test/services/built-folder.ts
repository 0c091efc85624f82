/**
 * Folders that tests build once and keep in the user's cache, each under the digest of its recipe: another recipe is another
 * folder. A build is made beside its place and renamed, so that one that was interrupted leaves nothing to be found.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BuiltFolder {
  /** `<name>-<digest of the recipe>` in the cache. */
  readonly name: string;
  /** All that decides what is built. */
  readonly recipe: readonly string[];
  /** Makes the folder that it is given. */
  readonly build: (folder: string) => Promise<void>;
}

/** @returns the folder; builds it when there is none. @throws Error with the last lines of what a build said */
export async function builtFolder({ name, recipe, build }: BuiltFolder): Promise<string> {
  const digest = createHash('sha256').update(recipe.join('\0')).digest('hex').slice(0, 16);
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'slipway');
  const folder = path.join(cache, `${name}-${digest}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  const partial = path.join(cache, `partial-${process.pid}-${digest}`);
  try {
    await build(partial);
    await rename(partial, folder);
  } catch (error) {
    await remove(partial);
    // Another run may have been faster.
    if (!existsSync(folder)) throw new Error(`${name} cannot be built: ${lastLines(error)}`);
  }
  return folder;
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
