/**
 * Says when devices ask: at their own times, when a window opens, and after a sleep when a campaign or a known time may
 * have changed the answer.
 */
import { queuedKinds } from './event-queue.ts';
import type { PollGrid } from './poll-grid.ts';
import type { SimulatedServer } from './simulated-server.ts';
import type { Schedule, VirtualDevice } from './virtual-device.ts';

interface AskingOutside {
  readonly server: SimulatedServer;
  readonly grid: PollGrid;
  readonly schedule: Schedule;
}

export class Asking {
  readonly #outside: AskingOutside;

  constructor(outside: AskingOutside) {
    this.#outside = outside;
  }

  /** The first check of a device, where it ever asks. */
  begin(device: VirtualDevice, start: number): void {
    if (device.is.reach !== 'never') this.after(device, start - 1);
  }

  /**
   * A campaign changed: the next check may have another answer.
   * @param isAsked whether the device has asked already at this very moment, in the order of events
   */
  wake(device: VirtualDevice, now: number, isAsked: boolean): void {
    if (device.parkedUntil === undefined) return;
    this.#outside.server.catchUp(device, now, isAsked);
    this.after(device, isAsked ? now : now - 1);
  }

  /** Its checks up to a time, or to a change of a campaign, would have the answer that it has. */
  park(device: VirtualDevice, until: number | undefined, now: number): void {
    device.parkedUntil = until ?? Number.POSITIVE_INFINITY;
    device.pollAt = Number.POSITIVE_INFINITY;
    if (until !== undefined) this.at(device, this.#outside.grid.after(device.index, Math.max(until, now + 1) - 1));
  }

  /** Its next check after a time at which it can be heard. */
  after(device: VirtualDevice, time: number): void {
    device.parkedUntil = undefined;
    const from = Math.max(time, device.silentUntil - 1);
    if (from === Number.POSITIVE_INFINITY) device.pollAt = from;
    else this.at(device, this.#outside.grid.after(device.index, from));
  }

  at(device: VirtualDevice, at: number): void {
    device.pollAt = at;
    this.#outside.schedule(device, queuedKinds.poll, at);
  }
}
