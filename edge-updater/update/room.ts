/**
 * Tells whether an update has room, counted for each file system: its folders may lie on several. Journal and metadata
 * keep a reserve on theirs.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { Room, StateFolder } from '../ports.ts';

/** For the journal, the metadata and the structures of the file system. */
export const spareBytes = 8 * 1024 * 1024;
/** A file takes whole blocks, and each folder one. */
const blockBytes = 4096;

export type Rooms = Readonly<Record<StateFolder, Room>>;

interface Wanted {
  /** Blobs that are not here yet, and what is made of them. */
  readonly downloads: number;
  readonly slot: { readonly bytes: number; readonly files: number };
}

/** @throws SlipwayError `disk-full` that names the folders and the bytes that are missing */
export function requireRoom(wanted: Wanted, rooms: Rooms): void {
  const needs: readonly (readonly [StateFolder, number])[] = [
    ['downloads', wanted.downloads],
    ['slots', wanted.slot.bytes + wanted.slot.files * blockBytes],
  ];
  for (const { folders, freeBytes, spare } of fileSystems(rooms)) {
    const needed = needs.reduce((sum, [folder, bytes]) => sum + (folders.includes(folder) ? bytes : 0), spare);
    if (freeBytes >= needed) continue;
    const where = folders.join(', ');
    throw new SlipwayError(
      'disk-full',
      `the update needs ${needed} bytes of free space for ${where}, there are ${freeBytes}`,
      {
        hint: `Free ${needed - freeBytes} bytes where ${where} of the state directory lie.`,
      },
    );
  }
}

/** What is free where the reserve has to be kept, and less than it; undefined where there is enough. */
export function shortOfReserve(rooms: Rooms): number | undefined {
  return fileSystems(rooms).find(({ freeBytes, spare }) => freeBytes < spare)?.freeBytes;
}

function fileSystems(rooms: Rooms) {
  const folders = Object.keys(rooms) as StateFolder[];
  const names = [...new Set(folders.map((folder) => rooms[folder].fileSystem))];
  return names.map((name) => {
    const here = folders.filter((folder) => rooms[folder].fileSystem === name);
    const keepsReserve = here.includes('journal') || here.includes('metadata');
    const freeBytes = Math.min(...here.map((folder) => rooms[folder].freeBytes));
    return { folders: here, freeBytes, spare: keepsReserve ? spareBytes : 0 };
  });
}
