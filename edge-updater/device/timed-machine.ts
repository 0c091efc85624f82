/**
 * Runs the machine together with the one thing that it may not journal: when an update that waits may switch, on the
 * clock of this process. It lets a switch begin only inside the window and only right after the slot was read back.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { World } from '../effects/world.ts';
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { attemptOf, type FinishedAttempt, type UpdateSource } from '../update/state.ts';
import { isOpen, type SwitchTime, type WaitForWindow, waitingUntil } from '../update/switch-window.ts';
import { isWaiting } from '../update/waiting.ts';
import type { Machine } from './machine.ts';

export class TimedMachine {
  readonly #machine: Machine;
  readonly #clock: World['clock'];
  /** Undefined until a server named it to this process. */
  #switchTime: SwitchTime | undefined;

  constructor(machine: Machine, clock: World['clock']) {
    this.#machine = machine;
    this.#clock = clock;
  }

  /** The update that rests until its window opens; undefined where none does. */
  get waiting(): WaitForWindow | undefined {
    const { update } = this.#machine.state;
    if (!isWaiting(update)) return undefined;
    return waitingUntil(update.attempt.release.version, this.#switchTime, this.#clock.monotonicSeconds());
  }

  /** Where the update that waits came from; undefined where none does. */
  get waitingFor():
    | { readonly manifestSha256: string; readonly source: UpdateSource; readonly id: string }
    | undefined {
    const { update } = this.#machine.state;
    if (!isWaiting(update)) return undefined;
    const { id, source, release } = update.attempt;
    return { id, source, manifestSha256: release.manifestSha256 };
  }

  /** Binds the update that waits, or the next one, to a time that a server named just now. */
  nameWindow(time: SwitchTime): void {
    this.#switchTime = time;
  }

  /** Makes the change durable, then works until the device is at rest. */
  do(event: UpdateEvent, signal: AbortSignal, patience?: number): Promise<void> {
    return this.work(this.#machine.dispatch(event), signal, patience);
  }

  /** Works until the device is at rest; an update that waits rests only while its window is not open. */
  async work(effect: Effect | undefined, signal: AbortSignal, patience?: number): Promise<void> {
    await this.#machine.work(effect, signal, patience);
    // It came to rest by reading its slot back just now.
    if (!effect || !this.waiting || !this.#isOpen()) return;
    await this.#machine.work(this.#machine.dispatch({ kind: 'switch-allowed' }), signal, patience);
  }

  /** Goes on with work that a failure of the disk left undone, and with an update whose window is open. */
  async resume(signal: AbortSignal, patience?: number): Promise<void> {
    if (!this.waiting) await this.work(this.#machine.unfinished(), signal, patience);
    else if (this.#isOpen()) await this.do({ kind: 'window-opened' }, signal, patience);
  }

  /** The update that waits, if any, is not wanted any more; its slot is kept. */
  async endWait(message: string, signal: AbortSignal, patience?: number): Promise<void> {
    this.#switchTime = undefined;
    if (this.waiting) await this.do({ kind: 'wait-ended', message }, signal, patience);
  }

  /** How an attempt ended; undefined while it waits for its window. */
  outcome(attemptId: string): FinishedAttempt | undefined {
    return this.waitingFor?.id === attemptId ? undefined : this.finished(attemptId);
  }

  /** @throws SlipwayError `internal` where it did not end */
  finished(attemptId: string): FinishedAttempt {
    const { lastAttempt, update } = this.#machine.state;
    if (lastAttempt?.id === attemptId) return lastAttempt;
    const where = attemptOf(update)?.id === attemptId ? `is ${update.phase}` : 'left no outcome';
    throw new SlipwayError('internal', `the attempt ${attemptId} ${where}`);
  }

  #isOpen(): boolean {
    return isOpen(this.#switchTime, this.#clock.monotonicSeconds());
  }
}
