/** Looks whether the release that runs lets a device go back from it. */
import { SlipwayError } from '../../contract/errors.ts';
import type { World } from '../effects/world.ts';
import type { DeviceState } from '../update/state.ts';

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
