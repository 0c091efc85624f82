/** Adopts a state that an older updater wrote: not every release that was rejected had a fault. */
import { faultOf, isErrorCode } from '../../contract/errors.ts';
import { blankState, type DeviceState } from './state.ts';

/**
 * Drops rejections for a trouble of the device or the path. One without a code was a person's wish and stays, as does one
 * with a code that is not known here: only newer updaters write it, and those reject for a fault of the release alone.
 */
export function adoptState(state: DeviceState): DeviceState {
  const deserved = state.rejected.filter(
    ({ code }) => code === undefined || !isErrorCode(code) || faultOf(code) === 'release',
  );
  return { ...state, schemaVersion: blankState.schemaVersion, rejected: deserved };
}
