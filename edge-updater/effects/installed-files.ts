/** Files of installed slots by digest: what copies and deltas start from. */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Digest } from '../../contract/digest.ts';
import type { Component } from '../../contract/release/manifest.ts';
import type { SlotStore } from '../ports.ts';

export interface InstalledFile {
  readonly slot: Digest;
  readonly component: Component;
}

/** The newer release wins where both have a file. */
export function installedFiles(slots: SlotStore, releases: readonly InstalledRelease[]): Map<Digest, InstalledFile> {
  const files = new Map<Digest, InstalledFile>();
  for (const { manifestSha256: slot } of releases) {
    for (const component of slots.manifest(slot)?.components ?? []) {
      if (!files.has(component.sha256)) files.set(component.sha256, { slot, component });
    }
  }
  return files;
}
