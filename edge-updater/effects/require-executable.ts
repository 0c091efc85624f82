/** Refuses a release with programs on a file system that starts none, before anything is switched. */
import { SlipwayError } from '../../contract/errors.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import type { SlotStore } from '../ports.ts';

const anyExecuteBit = 0o111;

export function hasPrograms(manifest: ReleaseManifest): boolean {
  return manifest.components.some(({ mode }) => (Number.parseInt(mode, 8) & anyExecuteBit) !== 0);
}

/** @throws SlipwayError `not-executable` */
export function requireExecutable(manifest: ReleaseManifest, slots: SlotStore): void {
  if (!slots.isNoexec || !hasPrograms(manifest)) return;
  throw new SlipwayError('not-executable', `programs of ${manifest.version} cannot be started: slots lie on noexec`, {
    hint: 'Mount the file system of stateDir without noexec, or move stateDir.',
  });
}
