/** Applies deltas in this process, so that what it writes to the disk can be watched. */
import { applyDelta } from '../../delta/apply.ts';
import { openDelta } from '../../delta/open-delta.ts';
import { zstdEncoderOf } from '../../delta/recipe/zstd-programs.ts';
import { PartDirectory } from '../../edge-updater/adapters/delta/part-directory.ts';
import { openReadOnly } from '../../edge-updater/adapters/disk/file-source.ts';
import type { DeltaApplier } from '../../edge-updater/ports.ts';

export const deltasHere: DeltaApplier = {
  async *apply({ base, delta, scratch }) {
    const [from, source] = [openReadOnly(base), openReadOnly(delta)];
    const directory = new PartDirectory(scratch);
    const made: Uint8Array[] = [];
    try {
      const sink = { write: (chunk: Uint8Array) => void made.push(Uint8Array.from(chunk)) };
      const ports = { files: directory, scratch: () => directory.scratch(), encoder: zstdEncoderOf([]) };
      await applyDelta(from, source, openDelta(source), sink, ports);
    } finally {
      for (const each of [directory, from, source]) each.close();
    }
    yield* made;
    return { peakRssBytes: 0, seconds: 0, parts: 1, resumedParts: 0 };
  },
};
