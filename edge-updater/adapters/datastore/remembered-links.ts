/** Remembers links below a data directory, and sets them again as they were. */
import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { exists, namesIn, remove, replaceLink } from '../../../system/files/durable-file-sync.ts';
import type { DataSet } from '../../adoption/data-set.ts';
import { ifReadable } from '../disk/if-readable.ts';
import type { LinkRecord } from './snapshot-record.ts';

export function linksNow(dataDir: string, set: Pick<DataSet, 'links' | 'linkFolders'>): LinkRecord[] {
  return [...set.links, ...linksInFolders(dataDir, set)].map((name) => ({
    path: name,
    target: targetOf(path.join(dataDir, name)),
  }));
}

/** Links that were not there then are taken away, but nothing that is no link is touched. */
export function setLinks(dataDir: string, wanted: readonly LinkRecord[], set: Pick<DataSet, 'linkFolders'>): void {
  const known = new Set(wanted.map((link) => link.path));
  const added = linksInFolders(dataDir, set).filter((name) => !known.has(name));
  for (const link of [...wanted, ...added.map((name) => ({ path: name, target: undefined }))]) {
    const file = path.join(dataDir, link.path);
    const found = targetOf(file);
    if (found === link.target || (found === undefined && exists(file))) continue;
    if (link.target === undefined) remove(file);
    else replaceLink(file, link.target);
  }
}

function linksInFolders(dataDir: string, { linkFolders }: Pick<DataSet, 'linkFolders'>): string[] {
  return linkFolders.flatMap((name) => {
    return namesIn(path.join(dataDir, name)).map((each) => `${name}/${each}`);
  });
}

function targetOf(file: string): string | undefined {
  return ifReadable(() => readlinkSync(file));
}
