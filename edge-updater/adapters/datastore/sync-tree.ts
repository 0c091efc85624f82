/** Makes a tree that another program has written durable: each file, then the folder that names it. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { flushFile, onDisk, syncDirectory } from '../../../system/files/durable-file-sync.ts';

/** @throws SlipwayError codes of the disk */
export function syncTree(folder: string): void {
  onDisk(`flush ${folder}`, () => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) syncTree(file);
      else if (entry.isFile()) flushFile(file);
    }
    syncDirectory(folder);
  });
  syncDirectory(path.dirname(folder));
}
