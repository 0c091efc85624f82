/** Where fetched and shaped test artifacts are kept, outside the tree, and the rule that they are checked by digest. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** `$XDG_CACHE_HOME/slipway-corpus`, or the same in the temporary directory. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? tmpdir(), 'slipway-corpus');
}

export function fileDigest(path: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(1024 * 1024);
    for (let got = readSync(descriptor, buffer); got > 0; got = readSync(descriptor, buffer)) {
      hash.update(buffer.subarray(0, got));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

/**
 * The cached file of that name, made by `make` when it is not there. It is made beside its place and renamed, so that
 * an interrupted run leaves none.
 * @param sha256 what it must have, where the making is a download
 */
export async function cached(
  name: string,
  make: (path: string) => void | Promise<void>,
  sha256?: string,
): Promise<string> {
  const path = join(cacheFolder(), name);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.part`;
  try {
    await make(draft);
    const found = sha256 === undefined ? undefined : fileDigest(draft);
    if (found !== sha256) throw new Error(`${name}: expected sha256 ${sha256}, found ${found}`);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return path;
}
