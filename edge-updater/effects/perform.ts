/**
 * Performs each effect by one entry in a table: a missing entry does not compile. What an effect finds comes back as an
 * event.
 */
import { toSlipwayError } from '../../contract/errors.ts';
import type { Effect, EffectKind } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { fetchBlobs } from './fetch.ts';
import { preparePayload } from './prepare-payload.ts';
import { proveRelease } from './prove.ts';
import { rebuildSlot } from './rebuild.ts';
import { requireExecutable } from './require-executable.ts';
import { requireFitBox } from './require-fit-box.ts';
import { restoreRelease } from './restore.ts';
import { reviveBox } from './revive.ts';
import { saveDatastore } from './save-datastore.ts';
import { switchRelease } from './switch.ts';
import type { World } from './world.ts';

type Performers = {
  readonly [K in EffectKind]: (
    effect: Extract<Effect, { kind: K }>,
    world: World,
    signal: AbortSignal,
  ) => Promise<UpdateEvent>;
};

const performers: Performers = {
  fetch: fetchBlobs,
  rebuild: rebuildSlot,

  async verify({ attempt }, world, signal) {
    const { slots } = world;
    const slot = attempt.release.manifestSha256;
    try {
      await slots.verify(slot);
      const manifest = slots.manifest(slot);
      // It may have been mounted otherwise while the update waited.
      if (manifest) {
        requireExecutable(manifest, slots);
        await requireFitBox(attempt, manifest, 'late', world, signal);
        await preparePayload(attempt, manifest, world, signal);
      }
      const notes = await saveDatastore(attempt, world, signal);
      return { kind: 'verified', ...(notes.length === 0 ? {} : { notes }) };
    } catch (thrown) {
      const { code, message } = toSlipwayError(thrown);
      if (code !== 'digest-mismatch' && code !== 'length-mismatch') throw thrown;
      slots.discard(slot);
      return { kind: 'slot-damaged', message };
    }
  },

  switch: switchRelease,
  prove: proveRelease,
  restore: restoreRelease,
  revive: reviveBox,

  async prune({ keep, keepDownloads, wayBack }, { slots, downloads, narrator, data, payloads }) {
    const ways = wayBack ? [wayBack] : [];
    const wanted = keep.flatMap((slot) => slots.manifest(slot)?.distribution?.payload ?? []);
    const cleanings = [
      () => slots.prune(keep),
      () => keepDownloads || downloads.clear(),
      () => data?.prune(ways),
      () => payloads?.prune(wanted),
    ];
    for (const clean of cleanings) {
      try {
        await clean();
      } catch (thrown) {
        // What could not be deleted now is deleted before the next check; it stops nothing.
        const { code, message } = toSlipwayError(thrown);
        narrator.warn(code, message);
      }
    }
    return { kind: 'pruned' };
  },
};

export function perform(effect: Effect, world: World, signal: AbortSignal): Promise<UpdateEvent> {
  const performer = performers[effect.kind] as (
    effect: Effect,
    world: World,
    signal: AbortSignal,
  ) => Promise<UpdateEvent>;
  return performer(effect, world, signal);
}
