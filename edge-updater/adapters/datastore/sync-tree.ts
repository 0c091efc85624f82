/** Makes a tree that another program has written durable: each file, then the folder that names it. */
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { onDisk, syncDirectory } from '../../../system/files/durable-file-sync.ts';

/** @throws SlipwayError codes of the disk */
export function syncTree(folder: string): void {
  onDisk(`flush ${folder}`, () => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) syncTree(file);
      else if (entry.isFile()) syncFile(file);
    }
    syncDirectory(folder);
  });
  syncDirectory(path.dirname(folder));
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
