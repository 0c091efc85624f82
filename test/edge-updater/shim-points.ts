/**
 * Records a crash scenario under the shim, and ends it or lets its disk fail at any call of it: of the updater, and for kills
 * of its box as well.
 */
import { expect } from 'vitest';
import { noFault, type ShimFault, type ShimRun } from '../fakes/crash-shim/call-shim.ts';
import { type ShimCall, ShimChanges } from '../fakes/crash-shim/shim-lines.ts';
import type { LoggedChange } from '../fakes/disk-log.ts';
import type { CrashMachine, ServiceThen } from './crash-machine.ts';
import type { CrashRecorder } from './crash-recorder.ts';
import type { Scenario } from './crash-scenarios.ts';
import { type ShimLives, servicesIn } from './shim-lives.ts';

const secondShare = 0.3;

export class ShimPoints implements CrashRecorder {
  readonly #lives: ShimLives;
  readonly #isPart: (file: string) => boolean;
  #calls: readonly ShimCall[] = [];
  #updater: number | undefined;

  constructor(lives: ShimLives, { isPart = () => true }: Scenario) {
    this.#lives = lives;
    this.#isPart = isPart;
  }

  /** Of all that it changed when nothing was cut off. */
  get calls(): readonly ShimCall[] {
    return this.#calls.filter(({ file }) => this.#isPart(file));
  }

  /** What the box does to a disk that fails is not the updater's. */
  get callsOfUpdater(): readonly ShimCall[] {
    return this.calls.filter(({ pid }) => pid === this.#updater);
  }

  async act(machine: CrashMachine): Promise<readonly LoggedChange<ServiceThen>[]> {
    const before = machine.service;
    const run = await this.#lives.live(machine, false, noFault);
    this.#calls = run.lines.filter((line) => 'call' in line);
    this.#updater = run.pid;
    return logOf(run, before, machine.name);
  }

  async start(machine: CrashMachine, what: string): Promise<readonly LoggedChange<ServiceThen>[]> {
    const before = machine.service;
    return logOf(await this.#lives.live(machine, true, noFault), before, what);
  }

  /**
   * Before a call; and maybe once more while that is put right. How often a download is flushed is a matter of time: a few
   * of the last calls may not be there again, and then the life came to its end.
   */
  async killAt(machine: CrashMachine, call: ShimCall, random: () => number): Promise<void> {
    let what = `${machine.name}: killed before ${nameOf(call)}`;
    machine.bringBack(machine.before.tree, machine.before.service);
    const run = await this.#lives.live(machine, false, { at: call.number, fault: 'kill' });
    expect([run.isKilled, run.status], what).toEqual(run.hasHappened ? [true, undefined] : [false, 0]);
    if (random() < secondShare) {
      const at = 1 + Math.floor(random() * this.#calls.length);
      const second = await this.#lives.live(machine, true, { at, fault: 'kill' });
      what += second.isKilled ? `, and before call ${at} of the next start` : ', and started';
    }
    await machine.expectEnd(what);
  }

  /** A disk that stays full or read-only is so for the next start as well. */
  async failAt(machine: CrashMachine, call: ShimCall, fault: ShimFault): Promise<void> {
    const what = `${machine.name}: ${fault} at ${nameOf(call)}`;
    machine.bringBack(machine.before.tree, machine.before.service);
    // How the process ends is its own matter; what it leaves behind counts.
    const run = await this.#lives.live(machine, false, { at: call.number, fault });
    expect([run.hasHappened || run.status === 0, run.isKilled], what).toEqual([true, false]);
    if (fault === 'full' || fault === 'EROFS') await this.#lives.live(machine, true, { at: 1, fault });
    await machine.expectEnd(what);
  }
}

function nameOf({ number, call, file }: ShimCall): string {
  return `call ${number} (${call} ${file})`;
}

function logOf({ lines, status, words }: ShimRun, before: ServiceThen, what: string): LoggedChange<ServiceThen>[] {
  expect([status, words], what).toEqual([0, '']);
  const [changes, services] = [new ShimChanges(), servicesIn(lines, before)];
  return lines.flatMap((line, index) => {
    if ('mark' in line) return [];
    const mark = services[index] ?? before;
    return changes.of(line).map((change) => ({ change, file: line.file, mark }));
  });
}
