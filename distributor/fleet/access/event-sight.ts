/** Says which events a caller sees: those about rollouts and devices inside its reach. */
import type { SeesEvent } from '../../events/pages.ts';
import type { FleetState } from '../ports.ts';
import type { Sight } from './sight.ts';

/** A reader may follow for weeks, and devices move: what was found out is forgotten after so long. */
const rememberedMs = 60_000;
const maxRemembered = 10_000;

/**
 * Events about rollouts and devices that are seen; what is about the fleet as a whole is seen by who sees all of it.
 * @param sight as it is now @returns undefined where every event is seen
 */
export function eventSight(
  sight: () => Sight,
  fleet: Pick<FleetState, 'findDevice'>,
  clock: () => number,
): SeesEvent | undefined {
  if (sight().isWhole) return undefined;
  const known = new Map<string, boolean>();
  let since = clock();
  const seesDevice = async (id: string) => {
    if (known.size >= maxRemembered || Math.abs(clock() - since) > rememberedMs) {
      known.clear();
      since = clock();
    }
    const before = known.get(id);
    if (before !== undefined) return before;
    const device = await fleet.findDevice(id);
    const isSeen = device !== undefined && sight().seesDevice(device);
    known.set(id, isSeen);
    return isSeen;
  };
  return async ({ rollout, deviceId }) => {
    if (rollout === undefined && deviceId === undefined) return false;
    if (rollout !== undefined && !sight().seesRollout(rollout)) return false;
    return deviceId === undefined || (await seesDevice(deviceId));
  };
}
