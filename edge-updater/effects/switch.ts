/**
 * Switches to the new slot. An adopted box goes down first and its data is copied: from here until the new release is
 * started a hold keeps it down, whatever happens.
 */
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { isRepair } from '../update/step.ts';
import { haltBox } from './halt-box.ts';
import type { World } from './world.ts';

export async function switchRelease(
  { attempt, previous }: Extract<Effect, { kind: 'switch' }>,
  world: World,
): Promise<UpdateEvent> {
  const { slots, data, clock } = world;
  const { version, manifestSha256: to } = attempt.release;
  if (data && previous && !isRepair(attempt)) {
    await haltBox(data, world, `Slipway switches to ${version}.`);
    const passage = { attempt: attempt.id, from: previous.manifestSha256, to };
    await data.snapshot(passage, new Date(clock.now()).toISOString());
  }
  slots.point({ current: to, previous: previous?.manifestSha256 });
  return { kind: 'switched' };
}
