/** Starts the updater of an adopted box on what is on its disk. */
import type { Device } from '../../edge-updater/device/device.ts';
import type { AdoptedBox } from './adopted-box.ts';
import { type EdgeDevice, never } from './edge-device.ts';
import type { Interruption } from './interruption.ts';

/** Attempts. */
export const patience = 3;

/** On the files that are there, as a new process. */
export function startOf(edge: EdgeDevice, box: AdoptedBox, interruption?: Interruption): Device {
  const more = interruption ? { interruption } : {};
  return edge.start({ service: box, data: box.data, payloads: box.payloads, ...more });
}

/** As a process that starts does. */
export async function update(device: Device): Promise<void> {
  await device.recover(never, patience);
  await device.check(never, patience);
}
