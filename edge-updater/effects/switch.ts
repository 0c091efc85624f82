/**
 * Switches to the new slot. An adopted box goes down first and its data is copied: from here until the new release is
 * started a hold keeps it down, whatever happens. An undo exchanges its data with what lies aside instead.
 */
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { isRepair, isUndo } from '../update/step.ts';
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
    const takenAt = new Date(clock.now()).toISOString();
    if (isUndo(attempt)) await data.bringBack(passage, takenAt);
    else await data.snapshot(passage, takenAt);
  }
  slots.point({ current: to, previous: previous?.manifestSha256 });
  return { kind: 'switched' };
}
