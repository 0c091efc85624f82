/** Lets the disk of a scenario fail at any call that changes it. */
import { expect } from 'vitest';
import { type DiskFault, FileFaults } from '../fakes/file-faults.ts';
import { CrashMachine } from './crash-machine.ts';
import type { Scenario } from './crash-scenarios.ts';

export class FailingPoints {
  /** Numbers of calls, from 1 on. */
  readonly calls: readonly number[];
  readonly #machine: CrashMachine;

  private constructor(machine: CrashMachine, count: number) {
    this.#machine = machine;
    this.calls = Array.from({ length: count }, (_, index) => index + 1);
  }

  static async of(scenario: Scenario): Promise<FailingPoints> {
    const machine = await CrashMachine.of(scenario);
    const counter = new FileFaults(machine.prepared.edge.folder, 0, 'EIO');
    await machine.runToEnd(() => machine.watched(counter, () => machine.act()));
    return new FailingPoints(machine, counter.seen.length);
  }

  /** A disk that stays full or read-only is so for the next start as well. */
  async failAt(call: number, fault: DiskFault): Promise<void> {
    const machine = this.#machine;
    const what = `${machine.name}: ${fault} at call ${call} of ${this.calls.length}`;
    machine.bringBack(machine.before.tree, machine.before.service);
    const faults = new FileFaults(machine.prepared.edge.folder, call, fault);
    const isLasting = fault === 'full' || fault === 'EROFS';
    await machine.watched(faults, async () => {
      // How the process ends is its own matter; what it leaves behind counts.
      await machine.act().catch(() => undefined);
      if (isLasting) await machine.started(what).catch(() => undefined);
    });
    expect(faults.hasHappened, what).toBe(true);
    await machine.expectEnd(what);
  }

  remove(): void {
    this.#machine.remove();
  }
}
