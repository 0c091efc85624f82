/**
 * Copies files and folders with owners, modes and times, durable when it returns, and lists what it copied with the
 * digest of each file, so that the copy can be proved later. What is moved instead of copied is listed alike.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { digestSchema } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { flushFile, onDisk, syncDirectory, writeFully } from '../../../system/files/durable-file-sync.ts';
import { digestOfFile } from '../disk/digest-of-file.ts';

const ownership = { mode: z.number().int(), uid: z.number().int(), gid: z.number().int(), mtimeMs: z.number() };

export const copiedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), path: z.string(), ...ownership, length: z.number().int(), sha256: digestSchema }),
  z.object({ kind: z.literal('folder'), path: z.string(), ...ownership }),
  z.object({ kind: z.literal('link'), path: z.string(), ...ownership, target: z.string() }),
]);
export type Copied = z.infer<typeof copiedSchema>;

/**
 * @param name relative path below both roots; nothing there copies nothing
 * @throws SlipwayError codes of the disk; `io-error` for a socket, a device or a pipe
 */
export function copyTree(fromRoot: string, toRoot: string, name: string): Copied[] {
  const copied = copyBelow(fromRoot, toRoot, name);
  const folder = path.dirname(path.join(toRoot, name));
  if (copied.length > 0) onDisk(`flush ${folder}`, () => syncDirectory(folder));
  return copied;
}

/** The folder that names it is still to be flushed. */
function copyBelow(fromRoot: string, toRoot: string, name: string): Copied[] {
  const from = path.join(fromRoot, name);
  const to = path.join(toRoot, name);
  return onDisk(`copy ${from}`, () => {
    const stat = lstatSync(from, { throwIfNoEntry: false });
    if (!stat) return [];
    const owned = ownedBy(name, stat);
    if (stat.isSymbolicLink()) return [{ kind: 'link', ...owned, target: copyLink(from, to, stat) }];
    if (stat.isFile()) return [{ kind: 'file', ...owned, ...copyFile(from, to, stat) }];
    if (!stat.isDirectory()) throw new SlipwayError('io-error', `${from} is neither a file nor a folder`);
    mkdirSync(to, { recursive: true, mode: 0o700 });
    const inside = readdirSync(from).flatMap((each) => copyBelow(fromRoot, toRoot, path.join(name, each)));
    chownSync(to, stat.uid, stat.gid);
    chmodSync(to, stat.mode & 0o7777);
    utimesSync(to, stat.atime, stat.mtime);
    syncDirectory(to);
    return [{ kind: 'folder', ...owned }, ...inside];
  });
}

function ownedBy(name: string, { mode, uid, gid, mtimeMs }: Stats) {
  return { path: name, mode: mode & 0o7777, uid, gid, mtimeMs };
}

const chunkBytes = 1024 * 1024;

function copyFile(from: string, to: string, stat: Stats): { length: number; sha256: string } {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, stat.size)));
  let length = 0;
  const source = openSync(from, 'r');
  try {
    const target = openSync(to, 'wx', 0o600);
    try {
      for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) {
        const chunk = buffer.subarray(0, count);
        hash.update(chunk);
        writeFully(target, chunk);
        length += count;
      }
      // Before the flush, which is what makes them last.
      fchownSync(target, stat.uid, stat.gid);
      fchmodSync(target, stat.mode & 0o7777);
      futimesSync(target, stat.atime, stat.mtime);
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
  return { length, sha256: hash.digest('hex') };
}

function copyLink(from: string, to: string, stat: Stats): string {
  const target = readlinkSync(from);
  symlinkSync(target, to);
  lchownSync(to, stat.uid, stat.gid);
  lutimesSync(to, stat.atime, stat.mtime);
  return target;
}

/** The same list of what stays where it is, durable when it returns. @throws SlipwayError codes of the disk */
export async function listTree(root: string, name: string): Promise<Copied[]> {
  const file = path.join(root, name);
  const stat = onDisk(`look at ${file}`, () => lstatSync(file, { throwIfNoEntry: false }));
  if (!stat) return [];
  const owned = ownedBy(name, stat);
  if (stat.isSymbolicLink())
    return [{ kind: 'link', ...owned, target: onDisk(`read ${file}`, () => readlinkSync(file)) }];
  const isFile = stat.isFile();
  if (!isFile && !stat.isDirectory()) throw new SlipwayError('io-error', `${file} is neither a file nor a folder`);
  onDisk(`flush ${file}`, () => flushFile(file));
  if (isFile) return [{ kind: 'file', ...owned, length: stat.size, sha256: await digestOfFile(file) }];
  const listed: Copied[] = [{ kind: 'folder', ...owned }];
  for (const each of onDisk(`list ${file}`, () => readdirSync(file))) {
    listed.push(...(await listTree(root, path.join(name, each))));
  }
  return listed;
}

/**
 * Reads a copy back. @returns what is not as it was copied, for people; undefined where all of it is
 * @throws SlipwayError codes of the disk
 */
export async function differenceIn(root: string, copied: readonly Copied[]): Promise<string | undefined> {
  for (const entry of copied) {
    const file = path.join(root, entry.path);
    const stat = onDisk(`look at ${file}`, () => lstatSync(file, { throwIfNoEntry: false }));
    if (!stat) return `${entry.path} is missing`;
    if (entry.kind === 'link' && !stat.isSymbolicLink()) return `${entry.path} is no link`;
    if (entry.kind === 'folder' && !stat.isDirectory()) return `${entry.path} is no folder`;
    if (entry.kind !== 'file') continue;
    if (!stat.isFile() || stat.size !== entry.length) return `${entry.path} has another length`;
    if ((await digestOfFile(file)) !== entry.sha256) return `${entry.path} has other bytes`;
  }
  return undefined;
}

/** Bytes of files, without following links; nothing there is nothing. */
export function bytesBelow(file: string): number {
  return onDisk(`measure ${file}`, () => {
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (!stat) return 0;
    if (!stat.isDirectory()) return stat.isFile() ? stat.size : 0;
    return readdirSync(file).reduce((sum, each) => sum + bytesBelow(path.join(file, each)), 0);
  });
}
