/**
 * Brings an adopted box up although nobody can touch its data: the data is whole, of the very release that is to run, and so is its
 * slot. What is left to do is done when the actor answers again.
 */
import type { Digest } from '../../contract/digest.ts';
import type { World } from './world.ts';

/** @param previous of the links: the other release that is kept */
export async function startWithoutActor(
  release: Digest,
  previous: Digest | undefined,
  { data, slots, service, narrator }: World,
): Promise<void> {
  if (!data?.isHeld || data.wholeFor !== release) return;
  if ((await slots.findDamage(release)) !== undefined) return;
  const version = slots.manifest(release)?.version;
  narrator.warn('actor-unavailable', `the data is that of ${version}, whole: it is started without the actor`);
  slots.point({ current: release, previous });
  data.letGo();
  await service.restart();
}
