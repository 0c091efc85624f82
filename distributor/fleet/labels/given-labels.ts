/**
 * Remembers which labels devices were given, so that a check knows them before the database is asked. What is remembered
 * may be out of date: the check compares it with the facts, and asks again by those.
 */
import type { DeviceId, Labels } from '../../../contract/device-api/check.ts';

const none: Labels = {};

export class GivenLabels {
  readonly #byDevice = new Map<DeviceId, Labels>();

  of(id: DeviceId): Labels {
    return this.#byDevice.get(id) ?? none;
  }

  /** @returns whether these are the ones that were remembered */
  note(id: DeviceId, found: Labels): boolean {
    const known = this.of(id);
    if (known === found || JSON.stringify(known) === JSON.stringify(found)) return true;
    if (Object.keys(found).length === 0) this.#byDevice.delete(id);
    else this.#byDevice.set(id, found);
    return false;
  }
}
