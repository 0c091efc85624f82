/** Adopts a state that an older updater wrote: not every release that was rejected had a fault. */
import { faultOf } from '../../contract/errors.ts';
import { blankState, type DeviceState } from './state.ts';

/** Drops rejections for a trouble of the device or the path; one without a code was a person's wish and stays. */
export function adoptState(state: DeviceState): DeviceState {
  const deserved = state.rejected.filter(({ code }) => code === undefined || faultOf(code) === 'release');
  return { ...state, schemaVersion: blankState.schemaVersion, rejected: deserved };
}
