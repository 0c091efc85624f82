/** Finds files of installed slots by digest, which copies and deltas start from. */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Digest } from '../../contract/digest.ts';
import type { Component, ReleaseManifest } from '../../contract/release/manifest.ts';
import type { SlotStore } from '../ports.ts';
import type { Effect } from '../update/effect.ts';
import { isRepair } from '../update/step.ts';

export interface InstalledFile {
  readonly slot: Digest;
  readonly component: Component;
}

export type InstalledFiles = ReadonlyMap<Digest, InstalledFile>;

/** Files that are there; whether their bytes are right is seen when they are used. The newer release wins. */
export function installedFiles(slots: SlotStore, releases: readonly InstalledRelease[]): InstalledFiles {
  const files = new Map<Digest, InstalledFile>();
  for (const { manifestSha256: slot } of releases) {
    for (const component of slots.manifest(slot)?.components ?? []) {
      if (!files.has(component.sha256) && slots.isThere(slot, component)) {
        files.set(component.sha256, { slot, component });
      }
    }
  }
  return files;
}

/**
 * What an attempt may use. A repair knows that something is damaged, so it reads everything first; then nothing counts
 * as a source that failed, and what is damaged is fetched as if it had never been there.
 */
export async function filesFor(
  { attempt, installed }: Extract<Effect, { kind: 'fetch' | 'rebuild' }>,
  manifest: ReleaseManifest,
  slots: SlotStore,
): Promise<InstalledFiles> {
  if (!isRepair(attempt)) return installedFiles(slots, installed);
  const files = new Map<Digest, InstalledFile>();
  for (const { manifestSha256: slot } of installed) {
    // The manifest in the slot may be what is damaged.
    const own = slot === attempt.release.manifestSha256 ? manifest : slots.manifest(slot);
    for (const component of own?.components ?? []) {
      if (!files.has(component.sha256) && (await slots.isIntact(slot, component))) {
        files.set(component.sha256, { slot, component });
      }
    }
  }
  return files;
}
