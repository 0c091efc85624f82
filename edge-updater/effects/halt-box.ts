/** Brings the unit of an adopted box down and keeps it down. Its data is still from then on. */
import { SlipwayError } from '../../contract/errors.ts';
import type { BoxData } from '../adoption/box-data.ts';
import type { World } from './world.ts';

/** @throws SlipwayError `io-error` where the unit does not end */
export async function haltBox(data: BoxData, { service }: World, why: string): Promise<void> {
  data.hold(`${why} Do not remove this file: the updater does.`);
  await service.stop();
  const { isActive, isStarting, detail } = await service.condition();
  if (!isActive && !isStarting) return;
  throw new SlipwayError('io-error', `the unit did not end: ${detail}`, {
    hint: 'Look at its processes: data is not touched while it runs.',
  });
}
