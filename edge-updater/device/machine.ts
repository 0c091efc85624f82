/**
 * Holds the state, journals every change before anything is done about it, and works one effect after the other off. The only
 * place where the pure machine meets the world. One change is acted upon even where it cannot be journaled: a release
 * that does not work is left, since recovery comes to the same end from the links.
 */
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { isDiskCode } from '../../system/files/disk-codes.ts';
import { perform } from '../effects/perform.ts';
import type { World } from '../effects/world.ts';
import type { JournalPort } from '../ports.ts';
import type { Effect } from '../update/effect.ts';
import type { Moment, UpdateEvent } from '../update/event.ts';
import { retryDelaySeconds } from '../update/retry.ts';
import type { DeviceState } from '../update/state.ts';
import { effectOf, type UpdateStep } from '../update/step.ts';
import { transition } from '../update/transition.ts';

interface MachineOptions {
  readonly journal: JournalPort;
  readonly world: World;
  /** Called after each durable change. */
  readonly onChange: (state: DeviceState) => void;
}

const retry = { baseSeconds: 1, capSeconds: 60 };

export class Machine {
  readonly #options: MachineOptions;
  #state: DeviceState;
  #journalTrouble: SlipwayError | undefined;
  /** What came of work that touches the service, while it is not journaled: the work is not done again for it. */
  #unwritten: UpdateEvent | undefined;

  /** @param found what the journal said; `resume` makes it the machine's own */
  constructor(found: DeviceState, options: MachineOptions) {
    this.#state = found;
    this.#options = options;
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Why the last change could not be made durable; undefined where it was. */
  get journalTrouble(): SlipwayError | undefined {
    return this.#journalTrouble;
  }

  /** Takes over what recover decided; the work that belongs to it comes back. */
  resume(step: UpdateStep): Effect | undefined {
    this.#keep(step.state);
    return step.effect;
  }

  /** What a decision made now takes from the world. */
  moment(): Moment {
    const { clock, policy } = this.#options.world;
    return { at: new Date(clock.now()).toISOString(), pollSeconds: policy.pollSeconds };
  }

  /** Synchronous: whoever dispatches sees the change made and durable. */
  dispatch(event: UpdateEvent): Effect | undefined {
    const step = transition(this.#state, { event, ...this.moment() });
    this.#keep(step.state);
    return step.effect;
  }

  /**
   * Works until the device is at rest.
   * @param patience failures in a row of work that has to end (a rollback), before the failure is thrown
   * @throws what the journal throws; what an effect throws when `signal` is aborted
   */
  async work(first: Effect | undefined, signal: AbortSignal, patience = Number.POSITIVE_INFINITY): Promise<void> {
    const { world } = this.#options;
    let failures = 0;
    for (let effect = this.#unwritten ? this.#settle(this.#unwritten) : first; effect !== undefined; ) {
      const event = await this.#perform(effect, signal);
      const before = this.#state.update.phase;
      const next: Effect | undefined = this.#settle(event);
      if (event.kind !== 'failed') failures = 0;
      else if (next !== undefined && this.#state.update.phase === before) {
        world.narrator.warn(event.code, event.message);
        failures++;
        if (failures >= patience) throw new SlipwayError(event.code, event.message);
        await world.clock.sleep(retryDelaySeconds(retry, failures, world.clock.random()), signal);
      }
      effect = next;
    }
  }

  /** Dispatches what came of an effect; where that cannot be journaled, a verdict is kept for the next work. */
  #settle(event: UpdateEvent): Effect | undefined {
    this.#unwritten = isVerdict(event) ? event : undefined;
    const effect = this.dispatch(event);
    this.#unwritten = undefined;
    return effect;
  }

  /** Work of the present state, for a caller whose last try did not end it. */
  unfinished(): Effect | undefined {
    return this.#state.update.phase === 'idle' ? undefined : effectOf(this.#state);
  }

  async #perform(effect: Effect, signal: AbortSignal): Promise<UpdateEvent> {
    signal.throwIfAborted();
    try {
      return await perform(effect, this.#options.world, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = toSlipwayError(thrown);
      return { kind: 'failed', code, message };
    }
  }

  #keep(state: DeviceState): void {
    if (state === this.#state) return;
    try {
      this.#options.journal.append(state);
      this.#journalTrouble = undefined;
    } catch (thrown) {
      this.#journalTrouble = toSlipwayError(thrown);
      if (!isDiskCode(this.#journalTrouble.code) || !isLeaving(this.#state, state)) throw thrown;
    }
    if (state.update !== this.#state.update) this.#unwritten = undefined;
    this.#state = state;
    this.#options.onChange(state);
  }
}

/** Restarting the service once more would not tell more. */
function isVerdict({ kind }: UpdateEvent): boolean {
  return kind === 'healthy' || kind === 'unhealthy' || kind === 'restored';
}

function isLeaving(before: DeviceState, after: DeviceState): boolean {
  const { phase } = before.update;
  return after.update.phase === 'rolling-back' && (phase === 'switching' || phase === 'probation');
}
