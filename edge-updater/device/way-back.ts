/** Looks whether a device may go back from the release that runs, and whether it may undo that it went back. */
import { SlipwayError } from '../../contract/errors.ts';
import type { World } from '../effects/world.ts';
import type { DeviceState } from '../update/state.ts';

/** What an undo brings back, and since when it lies aside. */
export type Undoable = NonNullable<DeviceState['setAside']>;

/** @throws SlipwayError `nothing-to-roll-back-to`, `rollback-refused` */
export function requireWayBack({ current, previous }: DeviceState, { slots }: Pick<World, 'slots'>): void {
  if (!current || !previous) {
    throw new SlipwayError('nothing-to-roll-back-to', 'there is no previous release on this device');
  }
  if (slots.manifest(current.manifestSha256)?.onRollback !== 'refuse') return;
  throw new SlipwayError('rollback-refused', `${current.version} says that no device goes back from it`, {
    hint: 'Roll out a newer release that works.',
  });
}

/**
 * Reads the slot that was left, too.
 * @throws SlipwayError `nothing-to-undo`, `aside-mismatched`, `slot-damaged`, codes of the disk
 */
export async function requireUndoable(
  { current, setAside }: DeviceState,
  { slots, data }: Pick<World, 'slots' | 'data'>,
): Promise<Undoable> {
  if (!current || !setAside) throw nothingToUndo('no rollback was made here since the last update');
  const { version, manifestSha256 } = setAside.release;
  const found = await data?.setAside();
  if (!found) throw nothingToUndo(`no data of ${version} lies aside`);
  if (found.release !== manifestSha256) {
    const writer = slots.slots().get(found.release)?.version ?? found.release;
    throw new SlipwayError('aside-mismatched', `the data that lies aside is of ${writer}, expected ${version}`, {
      hint: 'Nothing was changed. Roll out a newer release.',
    });
  }
  if (!slots.has(manifestSha256)) throw nothingToUndo(`the slot of ${version} is gone`);
  const damage = await slots.findDamage(manifestSha256);
  if (damage === undefined) return setAside;
  throw new SlipwayError('slot-damaged', `${version}: ${damage}`, { hint: 'Roll the release out again.' });
}

function nothingToUndo(message: string): SlipwayError {
  return new SlipwayError('nothing-to-undo', message, {
    hint: 'Run slipway-edge check-now --retry-rejected to take the release again over the data that is there.',
  });
}
