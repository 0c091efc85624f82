/**
 * Lets whoever a service runs as reach its program, whatever the umask of the updater is: folders of slots can be entered
 * and listed, the state folder above them can be entered alone. What is secret lies below it in folders of root.
 */
import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { directoriesBelow } from './slot-files.ts';

const folderMode = 0o755;
/** To pass through, not to list. */
const passingBits = 0o111;

/** A folder that was made for a slot, and those below it. */
export function openFolders(directory: string): void {
  for (const folder of directoriesBelow(directory)) setMode(folder, folderMode);
}

/**
 * Slots of an earlier updater may be closed to all but root. Bits are added to the state folder, never taken away.
 * A disk that takes nothing leaves them as they are: they were good enough before.
 */
export function openWay(stateDirectory: string, slots: string): void {
  try {
    setMode(stateDirectory, modeOf(stateDirectory) | passingBits);
    setMode(slots, folderMode);
    for (const name of readdirSync(slots)) if (!name.startsWith('.')) openFolders(path.join(slots, name));
  } catch {
    // Told where it matters: a service that cannot reach its program does not start.
  }
}

function setMode(directory: string, mode: number): void {
  if (modeOf(directory) !== mode) chmodSync(directory, mode);
}

function modeOf(directory: string): number {
  return lstatSync(directory).mode & 0o7777;
}
