/**
 * Copies files and folders that lie outside of the data directory and gives them back with owners, modes and times. They may lie on
 * another file system, so they are copied both ways. It may be done again after a stop at any moment: the copy stays
 * until all is done, and what was there is set aside once.
 */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { exists, makeDirectory, moveInto, onDisk, remove } from '../../../system/files/durable-file-sync.ts';
import { bytesBelow, type Copied, copyTree } from './copy-tree.ts';

const root = '/';

interface OutsideRecord {
  /** Absolute. */
  readonly paths: readonly string[];
  readonly copied: readonly Copied[];
}

export function bytesOutside(paths: readonly string[]): number {
  return paths.reduce((sum, each) => sum + bytesBelow(each), 0);
}

/** What cannot be given back keeps an update away. @throws SlipwayError `disk-read-only`, `permission-denied` */
export function requireWritable(paths: readonly string[]): void {
  for (const folder of new Set(paths.map((each) => path.dirname(each)))) {
    if (exists(folder)) onDisk(`write to ${folder}`, () => accessSync(folder, constants.W_OK));
  }
}

/** @param into a folder that takes them under their whole paths */
export function copyOutside(paths: readonly string[], into: string): Copied[] {
  return paths.flatMap((each) => {
    if (exists(each)) makeDirectory(path.dirname(path.join(into, each)));
    return copyTree(root, into, path.relative(root, each));
  });
}

/** @param from as `copyOutside` made it @param aside takes what is there now, also what was not there then */
export function giveOutsideBack({ paths, copied }: OutsideRecord, from: string, aside: string): void {
  if (!exists(aside)) {
    const draft = `${aside}.partial`;
    remove(draft);
    makeDirectory(draft);
    const isSame = isDeepStrictEqual(copyOutside(paths, draft), [...copied]);
    moveInto(draft, aside);
    if (isSame) return;
  }
  for (const each of paths) replaceBy(path.join(from, each), each);
}

/** Whole beside its place first; then one rename, of a folder after the old one is gone. */
function replaceBy(copy: string, place: string): void {
  const [folder, name] = [path.dirname(place), path.basename(place)];
  const draft = path.join(folder, '.slipway-restored');
  if (exists(folder)) remove(draft);
  if (!exists(copy)) {
    if (exists(place)) remove(place);
    return;
  }
  makeDirectory(draft);
  const [{ kind } = { kind: 'file' }] = copyTree(path.dirname(copy), draft, name);
  if (kind === 'folder' && exists(place)) remove(place);
  moveInto(path.join(draft, name), place);
  remove(draft);
}
