/**
 * Looks whether the data of a box can be exchanged by renames: it lies on the file system of its data directory, and no
 * link leads elsewhere. A rename of a link would leave the data behind it where it is.
 */
import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';
import { onDisk } from '../../../system/files/durable-file-sync.ts';
import type { DataSet } from '../../adoption/data-set.ts';
import { parseMounts } from '../../update/mounts.ts';

/** @throws SlipwayError `datastore-not-restorable`, codes of the disk */
export function requireExchangeable(dataDir: string, { items, sqlite, etcd }: DataSet): void {
  onDisk(`look at ${dataDir}`, () => {
    const mounted = mountPoints();
    const root = realpathSync(dataDir);
    for (const item of [...items, sqlite, etcd]) {
      if (item === undefined) continue;
      const place = path.join(root, item);
      const stat = lstatSync(place, { throwIfNoEntry: false });
      if (!stat) continue;
      // A link to a file beside it is copied as the link that it is: K3s has one, `server/node-token`.
      const isElsewhere = stat.isSymbolicLink() && (item === sqlite || leadsToFolder(place));
      if (isElsewhere) throw refusal(`${place} is a link`);
      const mount = mounted.find((point) => point === place || point.startsWith(`${place}/`));
      if (mount !== undefined) throw refusal(`${mount} is a mount`);
    }
  });
}

/** By the kernel's list: on an overlay a file and the folder that it lies in have different device numbers (stat(2)). */
function mountPoints(): string[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')).map(({ point }) => point);
}

function leadsToFolder(link: string): boolean {
  return statSync(link, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function refusal(message: string): SlipwayError {
  return new SlipwayError('datastore-not-restorable', `${message}, so the data could not go back with a release`, {
    hint: 'Keep the datastore in the data directory itself, and link or mount that as a whole.',
  });
}
