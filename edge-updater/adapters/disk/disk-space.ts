/** Measures free space where the folders of a state directory lie (statfs), as a process without privileges sees it. */
import { statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { onDisk } from '../../../system/files/durable-file-sync.ts';
import type { DiskSpace, Room, StateFolder } from '../../ports.ts';

const asking = 'ask for free space';

export class StateDiskSpace implements DiskSpace {
  readonly #stateDirectory: string;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
  }

  room(folder: StateFolder): Room {
    const place = path.join(this.#stateDirectory, folder);
    const freeBytes = freeBytesOf(place);
    return { fileSystem: String(onDisk(asking, () => statSync(place).dev)), freeBytes };
  }
}

/** As a process without privileges may take them. @param work named in an error */
export function freeBytesOf(folder: string, work = asking): number {
  const { bavail, bsize } = onDisk(work, () => statfsSync(folder));
  return bavail * bsize;
}
