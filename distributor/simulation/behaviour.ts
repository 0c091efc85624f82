/**
 * Plays what virtual devices do: they ask at their times, take what they are offered, and tell the server what comes of
 * it. One whose answer cannot change sleeps.
 */
import type { Decision } from '../rollout/decision.ts';
import type { Asking } from './asking.ts';
import type { SimulatedServer } from './simulated-server.ts';
import type { Updating } from './updating.ts';
import type { VirtualDevice } from './virtual-device.ts';

interface BehaviourOutside {
  readonly server: SimulatedServer;
  readonly asking: Asking;
  readonly updating: Updating;
  /** Ask also where the answer cannot have changed. */
  readonly asksAlways: boolean;
  readonly answered: ((device: VirtualDevice, decision: Decision, now: number) => void) | undefined;
}

/** What neighbours or the budget decide may change with any of them. */
const reasonsOfOthers = ['servers-first', 'cluster-busy', 'site-busy', 'budget-spent', 'device-busy'];

export class Behaviour {
  readonly #outside: BehaviourOutside;

  constructor(outside: BehaviourOutside) {
    this.#outside = outside;
  }

  async poll(device: VirtualDevice, now: number): Promise<void> {
    const { server, answered } = this.#outside;
    device.parkedUntil = undefined;
    device.saying.push(...device.outbox.splice(0));
    if (device.saying.length > 0) await server.hear(device, now);
    const decision = await server.check(device, now);
    answered?.(device, decision, now);
    this.#follow(device, decision, now);
    if (device.saying.length > 0) await server.hear(device, now);
  }

  async step(device: VirtualDevice, now: number): Promise<void> {
    const { server, updating } = this.#outside;
    updating.step(device, now);
    await server.hear(device, now);
  }

  #follow(device: VirtualDevice, decision: Decision, now: number): void {
    const { asking, updating, asksAlways } = this.#outside;
    if (decision.kind === 'update') {
      updating.take(device, decision, now);
      return;
    }
    const isCalledOff = updating.callOff(device, now);
    if (decision.kind === 'revert') {
      updating.goBack(device, decision.goal, now);
      return;
    }
    const isOfOthers = reasonsOfOthers.includes(decision.reason);
    const mayHide = device.isContested && (device.neighbours.length > 0 || this.#hasBudgets());
    // One that was called off says so with its next check.
    if (asksAlways || isOfOthers || mayHide || isCalledOff) asking.after(device, now);
    else asking.park(device, decision.until, now);
  }

  #hasBudgets(): boolean {
    return this.#outside.server.runs.some(({ compiled }) => compiled.rollout.budget !== undefined);
  }
}
