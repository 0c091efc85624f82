/** Reads a tree of files as it is, and writes one, without flushing anything. */
import fs from 'node:fs';
import path from 'node:path';
import type { SeenFile } from './disk-change.ts';

/** Nothing there is nothing. */
export function seenTree(file: string): SeenFile[] {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (!stat) return [];
  const mode = stat.mode & 0o7777;
  if (stat.isSymbolicLink()) return [{ kind: 'link', file, target: fs.readlinkSync(file) }];
  if (stat.isFile()) return [{ kind: 'file', file, mode, bytes: fs.readFileSync(file) }];
  const inside = fs.readdirSync(file).sort();
  return [{ kind: 'folder', file, mode }, ...inside.flatMap((name) => seenTree(path.join(file, name)))];
}

export function writeTree(files: readonly SeenFile[]): void {
  for (const each of files) {
    if (each.kind === 'link') {
      fs.symlinkSync(each.target, each.file);
      continue;
    }
    if (each.kind === 'file') fs.writeFileSync(each.file, each.bytes);
    else fs.mkdirSync(each.file);
    fs.chmodSync(each.file, each.mode);
  }
}
