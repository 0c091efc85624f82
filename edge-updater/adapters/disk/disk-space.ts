/** Measures free space where the folders of a state directory lie (statfs), as a process without privileges sees it. */
import { statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { onDisk } from '../../../system/files/durable-file-sync.ts';
import type { DiskSpace, Room, StateFolder } from '../../ports.ts';

export class StateDiskSpace implements DiskSpace {
  readonly #stateDirectory: string;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
  }

  room(folder: StateFolder): Room {
    const place = path.join(this.#stateDirectory, folder);
    return onDisk('ask for free space', () => {
      const { bavail, bsize } = statfsSync(place);
      return { fileSystem: String(statSync(place).dev), freeBytes: bavail * bsize };
    });
  }
}
