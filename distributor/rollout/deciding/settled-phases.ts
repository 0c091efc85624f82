/** Lists the phases in which a device can be told something else, because its release runs undisturbed. */
import type { DevicePhase } from '../../../contract/device-api/check.ts';

/** One that waits with a release for its window is asked about like one that does nothing: it may be called off. */
const settledPhases: readonly DevicePhase[] = ['idle', 'staged', 'committed', 'rolled-back'];

export function isSettled(phase: DevicePhase): boolean {
  return settledPhases.includes(phase);
}
