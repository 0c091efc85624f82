/** A machine of a crash scenario that can be put into any state, and has to come to one of the scenario's ends from there. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { Digest } from '../../contract/digest.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { patience } from '../fakes/box-start.ts';
import type { SeenFile } from '../fakes/disk-change.ts';
import { never } from '../fakes/edge-device.ts';
import { seenTree, writeTree } from '../fakes/seen-tree.ts';
import { type CrashDeed, crashDeed } from './crash-deeds.ts';
import type { Prepared, Scenario } from './crash-scenarios.ts';

/** What the service of the test was at a moment. */
export interface ServiceThen {
  readonly running: Digest | undefined;
  readonly written: ReadonlyMap<Digest, number>;
  /** The release whose run is writing, where that is seen. */
  readonly writing?: Digest | undefined;
}

/** What is later than all that a scenario writes. */
const hourMs = 3_600_000;

interface Watch extends Disposable {
  aside<T>(work: () => T): T;
}

export class CrashMachine {
  readonly name: string;
  readonly prepared: Prepared;
  readonly before: { readonly tree: readonly SeenFile[]; readonly service: ServiceThen; readonly now: number };
  /** Names at the end of a run that nothing cut off, ids left out; empty before `runToEnd`. */
  #names: ReadonlySet<string> = new Set();

  private constructor(name: string, prepared: Prepared) {
    this.name = name;
    this.prepared = prepared;
    this.before = { tree: this.tree, service: this.service, now: prepared.edge.clock.now() };
  }

  static async of({ name, prepare }: Scenario): Promise<CrashMachine> {
    return new CrashMachine(name, await prepare());
  }

  get tree(): SeenFile[] {
    return seenTree(this.prepared.edge.folder);
  }

  get service(): ServiceThen {
    const { running, written } = this.prepared.box;
    return { running, written: new Map(written) };
  }

  /** @param act all of the scenario, with nothing cut off */
  async runToEnd(act: () => Promise<unknown>): Promise<SeenFile[]> {
    await act();
    const { tree } = this;
    const device = await this.started('after the end');
    await this.prepared.ask(device);
    await this.prepared.expectWhole(device, true, 'nothing was cut off');
    this.#names = namesIn(this.tree);
    return tree;
  }

  /** All that is cut off, in this process. */
  async act(): Promise<void> {
    const { edge, box } = this.prepared;
    await this.#deed.act(this.#deed.start(edge, box), edge, box);
  }

  get #deed(): CrashDeed {
    return crashDeed(this.prepared.deed);
  }

  async watched(watch: Watch, work: () => Promise<unknown>): Promise<void> {
    const { box } = this.prepared;
    using _ = watch;
    box.faults = watch;
    try {
      await work();
    } finally {
      box.faults = undefined;
    }
  }

  bringBack(tree: readonly SeenFile[], service: ServiceThen): void {
    const { edge } = this.prepared;
    edge.endProcesses();
    rmSync(edge.folder, { recursive: true, force: true });
    writeTree(tree);
    this.take(service);
    edge.clock.jumpTo(this.before.now + hourMs);
    edge.server.reports.clear();
    edge.server.checks.length = 0;
  }

  /** What another process says of the service. */
  take({ running, written, writing }: ServiceThen): void {
    const { box } = this.prepared;
    box.running = running;
    box.written.clear();
    for (const [writer, count] of written) box.written.set(writer, count);
    if (writing === undefined) return;
    // A run that was cut off has committed, or not.
    const [before, rows] = [written.get(writing) ?? 0, box.rowsOf(writing)];
    if (rows === before + 1) box.written.set(writing, rows);
  }

  async expectEnd(what: string): Promise<void> {
    const { ask, expectWhole } = this.prepared;
    const device = await this.started(what);
    await expectWhole(device, false, what);
    await this.#expectWholeSlots(what);
    try {
      await ask(device);
    } catch (cause) {
      throw new Error(what, { cause });
    }
    await expectWhole(device, true, what);
    await this.#expectWholeSlots(what);
    // Later starts change nothing any more, and nothing is left over that is not there without a cut.
    await this.started(what);
    const [rested, { running }] = [namesAndBytes(this.tree), this.prepared.box];
    const { phase } = (await this.started(what)).state.update;
    expect([phase, this.prepared.box.running], what).toEqual(['idle', running]);
    expect(namesAndBytes(this.tree), what).toEqual(rested);
    const left = [...namesIn(this.tree)].filter((name) => !this.#names.has(name));
    expect(left, what).toEqual([]);
  }

  /** As a new process that has ended what the last one left. */
  async started(what: string): Promise<Device> {
    try {
      const { edge, box } = this.prepared;
      const device = this.#deed.start(edge, box);
      await device.recover(never, patience);
      return device;
    } catch (cause) {
      throw new Error(what, { cause });
    }
  }

  remove(): void {
    this.prepared.edge.remove();
  }

  /** What a link names is as its manifest says, to the byte. */
  async #expectWholeSlots(what: string): Promise<void> {
    const { slots } = this.prepared.edge;
    for (const slot of [slots.currentLink, slots.previousLink]) {
      if (slot !== undefined) expect(await slots.findDamage(slot), what).toBeUndefined();
    }
  }
}

/** In order. SQLite keeps the index of a write-ahead log in memory that it shares, which no call changes. */
export function allBytes(tree: readonly SeenFile[]): unknown[] {
  return inOrder(tree).map((each) => {
    if (each.kind !== 'file') return each;
    return each.file.endsWith('-shm') ? each.file : [each.file, each.mode, Buffer.from(each.bytes).toString('base64')];
  });
}

/** In order; of the journal and of what a running database writes only the names. */
export function namesAndBytes(tree: readonly SeenFile[]): unknown[] {
  return inOrder(tree).map((each) => {
    if (each.kind !== 'file') return each;
    const isAlive = /\/journal\/|\/server\/db\//.test(each.file);
    return isAlive ? each.file : [each.file, each.mode, Buffer.from(each.bytes).toString('base64')];
  });
}

function inOrder(tree: readonly SeenFile[]): SeenFile[] {
  return [...tree].sort((a, b) => (a.file < b.file ? -1 : 1));
}

function namesIn(tree: readonly SeenFile[]): Set<string> {
  return new Set(tree.map(({ file }) => path.normalize(file).replace(/id-\d+-\d+|[0-9a-f]{64}/g, '*')));
}
