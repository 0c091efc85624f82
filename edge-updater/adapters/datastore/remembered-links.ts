/** Remembers links below a data directory, and sets them again as they were. */
import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { exists, onDisk, remove, replaceLink } from '../../../system/files/durable-file-sync.ts';
import type { DataSet } from '../../adoption/data-set.ts';
import type { LinkRecord } from './snapshot-record.ts';

export function linksNow(
  dataDir: string,
  { links, linkFolders }: Pick<DataSet, 'links' | 'linkFolders'>,
): LinkRecord[] {
  const inFolders = linkFolders.flatMap((folder) =>
    namesIn(path.join(dataDir, folder)).map((name) => `${folder}/${name}`),
  );
  return [...links, ...inFolders].map((name) => ({ path: name, target: targetOf(path.join(dataDir, name)) }));
}

/** Links that were not there then are taken away, but nothing that is no link is touched. */
export function setLinks(
  dataDir: string,
  wanted: readonly LinkRecord[],
  { linkFolders }: Pick<DataSet, 'linkFolders'>,
) {
  const known = new Set(wanted.map((link) => link.path));
  const added = linkFolders
    .flatMap((folder) => namesIn(path.join(dataDir, folder)).map((name) => `${folder}/${name}`))
    .filter((name) => !known.has(name));
  for (const link of [...wanted, ...added.map((name) => ({ path: name, target: undefined }))]) {
    const file = path.join(dataDir, link.path);
    const found = targetOf(file);
    if (found === link.target || (found === undefined && exists(file))) continue;
    if (link.target === undefined) remove(file);
    else replaceLink(file, link.target);
  }
}

function namesIn(folder: string): string[] {
  return exists(folder) ? onDisk(`list ${folder}`, () => readdirSync(folder)) : [];
}

function targetOf(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
