/**
 * Writes files that are whole or not there, also after a power cut: temporary file, fsync, rename or link, fsync of the
 * folder. It is the one place that knows this order for a publisher. Codes of the operating system become ours here.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { systemCode } from './system-code.ts';

interface WriteOptions {
  /** Permission bits of a new file. */
  readonly mode?: number | undefined;
  /** Where the temporary file is made; the same file system as the target. Default: the folder of the target. */
  readonly temporaryFolder?: string | undefined;
}

type Content = Uint8Array | AsyncIterable<Uint8Array>;

/** Writes or replaces `file`. @throws SlipwayError `disk-full`, `io-error`, or what the stream throws */
export async function replaceFile(file: string, content: Content, options: WriteOptions = {}): Promise<void> {
  await settle(file, content, options, async (temporary) => {
    await rename(temporary, file);
  });
}

/**
 * Writes `file` only if there is none.
 * @returns false when there is one already; it is left as it is
 */
export async function createFile(
  file: string,
  content: Content,
  mode?: number,
  temporaryFolder?: string,
): Promise<boolean> {
  let created = true;
  await settle(file, content, { mode, temporaryFolder }, async (temporary) => {
    try {
      await link(temporary, file);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      created = false;
    }
    await rm(temporary, { force: true });
  });
  return created;
}

async function settle(
  file: string,
  content: Content,
  { mode = 0o644, temporaryFolder }: WriteOptions,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const folder = path.dirname(file);
  const name = `.${path.basename(file).slice(0, 80)}.${randomBytes(6).toString('hex')}.tmp`;
  const temporary = path.join(temporaryFolder ?? folder, name);
  try {
    await makeFolder(folder);
    if (temporaryFolder !== undefined) await makeFolder(temporaryFolder);
    const handle = await open(temporary, 'wx', mode);
    try {
      if (content instanceof Uint8Array) await handle.writeFile(content);
      else for await (const chunk of content) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(temporary);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(error, path.basename(file));
  }
}

/** Makes a folder and those above it, each durable in its parent. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; ; at = path.dirname(at)) {
    await syncFolder(path.dirname(at));
    if (at === first || at === path.dirname(at)) return;
  }
}

export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @param name what was being written or read, without its folder */
export function diskError(error: unknown, name: string): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SlipwayError('disk-full', `no space left while writing ${name}`, {
      hint: 'Free some space and run the same command again.',
      cause: error,
    });
  }
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return toSlipwayError(error);
  return new SlipwayError('io-error', `${code} while accessing ${name}`, {
    hint: 'Check the path, its permissions and the disk.',
    cause: error,
  });
}
