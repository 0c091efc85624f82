/**
 * Makes every durable change to the file system: temporary file → fsync → rename → fsync of the directory. All code
 * that keeps state under the state directory goes through here. One writer per path is the caller's promise.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { diskCodesOfErrno, SlipwayError } from '../../contract/errors.ts';
import type { DiskCode } from './disk-codes.ts';
import { systemCode } from './system-code.ts';

/** After it returns, `file` holds `bytes` whatever happens; before, it holds what it held. */
export function replaceFileSync(file: string, bytes: Uint8Array, mode = 0o600): void {
  onDisk(`write ${file}`, () => {
    const temporary = `${file}.tmp`;
    rmSync(temporary, { force: true });
    try {
      const descriptor = openSync(temporary, 'wx', mode);
      try {
        writeFully(descriptor, bytes);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(temporary, file);
    } catch (error) {
      giveBack(temporary);
      throw error;
    }
    syncDirectory(path.dirname(file));
  });
}

/**
 * The same in place, for a disk without room for a second file: `file` is there, and its reader must notice that
 * it is torn, since a power cut leaves it so.
 */
export function overwriteFile(file: string, bytes: Uint8Array): void {
  onDisk(`overwrite ${file}`, () => {
    const descriptor = openSync(file, 'r+');
    try {
      writeFully(descriptor, bytes, 0);
      ftruncateSync(descriptor, bytes.length);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Frees what a write that failed has taken: on a full disk the next one needs it. */
function giveBack(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // The failure that came first is the one to tell.
  }
}

/** Points a symbolic link elsewhere in one step; there is no moment without a link. */
export function replaceLink(link: string, target: string): void {
  onDisk(`point ${link} to ${target}`, () => {
    const temporary = `${link}.tmp`;
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, link);
    syncDirectory(path.dirname(link));
  });
}

/**
 * Gives a whole file a second name. The new name lasts when its directory is made durable.
 * @returns false where it has another length or a second name already, or where this cannot be done: another file
 *   system, or one without links
 */
export function addName(file: string, name: string, length: number): boolean {
  const stat = onDisk(`look at ${file}`, () => lstatSync(file, { throwIfNoEntry: false }));
  if (!stat?.isFile() || stat.size !== length || stat.nlink !== 1) return false;
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if (withoutLinks.includes(systemCode(error) ?? '')) return false;
    throw asDiskError(`name ${file} also ${name}`, error);
  }
}

/** Another file system, one without links, one that has too many, and one where the kernel forbids them. */
const withoutLinks = ['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES'];

/** Moves a file or directory within one file system; its content must be durable already. */
export function moveInto(from: string, to: string): void {
  onDisk(`move ${from} to ${to}`, () => {
    renameSync(from, to);
    syncDirectory(path.dirname(to));
    if (path.dirname(from) !== path.dirname(to)) syncDirectory(path.dirname(from));
  });
}

/** Removes a file, a link or a tree; nothing there is fine. */
export function remove(target: string): void {
  onDisk(`remove ${target}`, () => {
    if (!exists(target)) return;
    rmSync(target, { recursive: true, force: true });
    syncDirectory(path.dirname(target));
  });
}

/** Removes all that can be removed. @throws SlipwayError of the first that cannot, after the last */
export function removeAll(targets: readonly string[]): void {
  let failure: unknown;
  for (const target of targets) {
    try {
      remove(target);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

/** Creates missing directories, each durable in its parent. */
export function makeDirectory(directory: string, mode = 0o700): void {
  onDisk(`create ${directory}`, () => {
    const parent = path.dirname(directory);
    if (parent !== directory && !exists(parent)) makeDirectory(parent, mode);
    if (exists(directory)) return;
    mkdirSync(directory, { mode });
    syncDirectory(parent);
  });
}

/** Of a directory that is the names in it, of a file its bytes. */
export function flushFile(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function syncDirectory(directory: string): void {
  flushFile(directory);
}

/**
 * Makes the names in these folders last: a process that was killed before it flushed them leaves what is seen, and what a
 * power cut takes back. Folders that are not there are passed over.
 */
export function flushFolders(folders: readonly string[]): void {
  for (const folder of new Set(folders)) {
    onDisk(`flush ${folder}`, () => exists(folder) && syncDirectory(folder));
  }
}

/** Where a link leads; undefined for what is no link. */
export function linkTargetOf(file: string): string | undefined {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  return onDisk(`read the link ${file}`, () => readlinkSync(file));
}

/** Writes everything: one call may take less than it was given. */
export function writeFully(descriptor: number, bytes: Uint8Array, position: number | null = null): void {
  for (let written = 0; written < bytes.length; ) {
    const at = position === null ? null : position + written;
    written += writeSync(descriptor, bytes, written, bytes.length - written, at);
  }
}

/** The bytes of a small file; undefined where there is none. */
export function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw asDiskError(`read ${file}`, error);
  }
}

export function exists(target: string): boolean {
  return onDisk(`look for ${target}`, () => lstatSync(target, { throwIfNoEntry: false })) !== undefined;
}

/** Of a folder; none where it is not there. */
export function namesIn(folder: string): string[] {
  return exists(folder) ? onDisk(`list ${folder}`, () => readdirSync(folder)) : [];
}

/** Runs file system work and gives its failures a code. */
export function onDisk<T>(work: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asDiskError(work, error);
  }
}

const codesOfErrno: Partial<Record<string, LocalCode>> = {
  ...diskCodesOfErrno,
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  ENOMEM: 'memory-exceeded',
};
const hints: Record<LocalCode, string> = {
  'disk-full': 'Free space under the state directory.',
  'disk-read-only': 'The file system is read-only; look for errors of the disk in the kernel log.',
  'permission-denied': 'Correct owner and mode of the file, or the sandbox of the unit.',
  'memory-exceeded': 'The machine has no memory to spare.',
  'io-error': 'Look at the disk.',
};
type LocalCode = DiskCode | 'memory-exceeded';

export function diskCodeOf(errno: string | undefined): LocalCode {
  return codesOfErrno[errno ?? ''] ?? 'io-error';
}

/** A SlipwayError stays what it is. */
export function asDiskError(work: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const code = diskCodeOf(systemCode(error));
  const message = `cannot ${work}: ${error instanceof Error ? error.message : String(error)}`;
  return new SlipwayError(code, message, { cause: error, hint: hints[code] });
}
