/** Cuts a scenario off at any change to its disk, by a kill or by the power, and once more while that is put right. */
import path from 'node:path';
import { expect } from 'vitest';
import type { SeenFile } from '../fakes/disk-change.ts';
import type { LoggedChange } from '../fakes/disk-log.ts';
import { type Survival, VolatileDisk } from '../fakes/volatile-disk.ts';
import { allBytes, CrashMachine, type ServiceThen } from './crash-machine.ts';
import { CrashOrder } from './crash-order.ts';
import type { CrashRecorder } from './crash-recorder.ts';
import type { Scenario } from './crash-scenarios.ts';

const secondShare = 0.3;

/** A machine as it was left. */
interface Left {
  readonly disk: VolatileDisk;
  readonly survival: Survival;
  readonly service: ServiceThen;
}

export class CrashPoints {
  /** Places in the log. */
  readonly cuts: readonly number[];
  readonly machine: CrashMachine;
  readonly #recorder: CrashRecorder;
  readonly #log: readonly LoggedChange<ServiceThen>[];

  private constructor(
    machine: CrashMachine,
    recorder: CrashRecorder,
    log: readonly LoggedChange<ServiceThen>[],
    { isPart }: Scenario,
  ) {
    this.machine = machine;
    this.#recorder = recorder;
    this.#log = log;
    const isCut = ({ file, change }: LoggedChange<ServiceThen>) => change.kind !== 'open' && (!isPart || isPart(file));
    this.cuts = log.flatMap((each, index) => (isCut(each) ? [index] : []));
  }

  static async of(scenario: Scenario, recorder: CrashRecorder): Promise<CrashPoints> {
    const machine = await CrashMachine.of(scenario);
    let log: readonly LoggedChange<ServiceThen>[] = [];
    const end = await machine.runToEnd(async () => {
      log = await recorder.act(machine);
    });
    const points = new CrashPoints(machine, recorder, log, scenario);
    // The model comes to what is really there: no change went past the recorder.
    expect(allBytes(points.#diskAfter(log.length).after('all', Math.random)), scenario.name).toEqual(allBytes(end));
    points.#expectOrder(scenario.name);
    return points;
  }

  /** At every change, whichever are cut off. */
  #expectOrder(name: string): void {
    const disk = this.#diskAfter(0);
    const order = new CrashOrder(this.machine, disk);
    for (const [index, logged] of this.#log.entries()) {
      disk.apply(logged.change);
      const what = `${name}: after ${index} (${logged.change.kind} ${logged.file})`;
      expect(order.broken(disk, logged), what).toEqual([]);
    }
    const { running } = this.#log.at(-1)?.mark ?? this.machine.before.service;
    const payload = running === undefined ? 'none' : this.machine.prepared.box.payloadOf(running);
    expect(order.brokenAtRest(disk, running, payload), `${name}: at rest`).toEqual([]);
  }

  /** @param random in [0, 1): what survives in part, what starts first, and whether there is a second cut */
  async cutOff(index: number, survival: Survival, random: () => number): Promise<void> {
    const machine = this.machine;
    const last = this.#log[index];
    const call = `${last?.change.kind} ${path.relative(machine.prepared.edge.folder, last?.file ?? '')}`;
    let what = `${machine.name}: cut off after ${index} (${call}), survives: ${survival}`;
    const service = last?.mark ?? machine.before.service;
    let left: Left = { disk: this.#diskAfter(index + 1), survival, service };
    await this.#bringBack(left, random);
    if (random() < secondShare) {
      const booted = machine.service;
      // What a kill has left is not flushed by then.
      const disk = survival === 'all' ? left.disk : this.#durable(machine.tree);
      const log = await this.#recorder.start(machine, what);
      const count = Math.floor(random() * (log.length + 1));
      for (const { change } of log.slice(0, count)) disk.apply(change);
      left = { disk, survival: secondOf(survival, random), service: log[count - 1]?.mark ?? booted };
      what += `, and after ${count} more, survives: ${left.survival}`;
      await this.#bringBack(left, random);
    }
    await machine.expectEnd(what);
  }

  /** After a power cut nothing runs but what systemd starts, perhaps before the updater. */
  async #bringBack({ disk, survival, service }: Left, random: () => number): Promise<void> {
    const isKill = survival === 'all';
    this.machine.bringBack(disk.after(survival, random), isKill ? service : { ...service, running: undefined });
    if (!isKill && random() < 0.5) await this.machine.prepared.box.boot();
  }

  #diskAfter(count: number): VolatileDisk {
    const disk = this.#durable(this.machine.before.tree);
    for (const { change } of this.#log.slice(0, count)) disk.apply(change);
    return disk;
  }

  /** A database flushes what it writes; K3s flushes nothing that it unpacks. */
  #durable(tree: readonly SeenFile[]): VolatileDisk {
    const { edge, box } = this.machine.prepared;
    const unpacked = path.join(box.dataDir, 'data');
    return new VolatileDisk(edge.folder, tree, (file) => file !== unpacked && !file.startsWith(`${unpacked}/`));
  }
}

/** A power cut may come after a kill as well. */
function secondOf(survival: Survival, random: () => number): Survival {
  const afterKill = ['all', 'nothing', 'names', 'some'] as const;
  return survival === 'all' ? (afterKill[Math.floor(random() * afterKill.length)] ?? survival) : survival;
}
