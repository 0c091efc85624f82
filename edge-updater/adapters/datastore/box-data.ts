/**
 * Keeps the data of an adopted box: `<data directory>/slipway/` has `owner.json`, which says the release that wrote the
 * data, `snapshots/<attempt>/`, and `aside/` with what the last rollback took away. All of it lies on the file system
 * of the data, so that an exchange is renames alone.
 */
import path from 'node:path';
import type { Digest } from '../../../contract/digest.ts';
import { exists, flushFolders, makeDirectory, remove, removeAll } from '../../../system/files/durable-file-sync.ts';
import type { Adoption } from '../../adoption/adoption.ts';
import type { BoxData, DataMeasure, DataSetAside, Passage, TakenSnapshot } from '../../adoption/box-data.ts';
import { datastoreOfCluster } from '../../adoption/cluster-datastore.ts';
import { type DataSet, dataSetOf } from '../../adoption/data-set.ts';
import { freeBytesOf } from '../disk/disk-space.ts';
import { bytesBelow, type Copied, copyTree, differenceIn, listTree } from './copy-tree.ts';
import { logIndexOf, requireAlone, requireWholeCopy, requireWholeLive } from './database-check.ts';
import { Exchange, notRestorable, outsideName } from './exchange.ts';
import { requireExchangeable } from './exchangeable.ts';
import { HoldFile } from './hold-file.ts';
import { bytesOutside, copyOutside, requireWritable } from './outside-files.ts';
import { OwnFolder } from './own-folder.ts';
import { linksNow, setLinks } from './remembered-links.ts';
import type { SnapshotRecord } from './snapshot-record.ts';

export class BoxDataDirectory implements BoxData {
  readonly #set: DataSet;
  readonly #isOfCluster: boolean;
  readonly #dataDir: string;
  readonly #own: OwnFolder;
  readonly #exchange: Exchange;
  readonly #hold: HoldFile;

  constructor(adoption: Adoption, stateDirectory: string) {
    this.#set = dataSetOf(adoption);
    this.#isOfCluster = datastoreOfCluster(adoption) !== undefined;
    this.#dataDir = adoption.dataDir;
    this.#own = new OwnFolder(adoption.dataDir);
    this.#exchange = new Exchange(this.#own, adoption.dataDir, this.#set);
    this.#hold = new HoldFile(stateDirectory);
  }

  get isOfCluster(): boolean {
    return this.#isOfCluster;
  }

  get wholeFor(): Digest | undefined {
    return this.#own.wholeFor;
  }

  get isHeld(): boolean {
    return this.#hold.isThere;
  }

  hold(why: string): void {
    this.#hold.set(why);
  }

  letGo(): void {
    this.#hold.lift();
  }

  async owner(): Promise<Digest | undefined> {
    return this.#own.ownership?.release;
  }

  async claim(release: Digest): Promise<void> {
    if (this.#own.ownership?.release !== release) this.#own.own(release);
  }

  async measure(): Promise<DataMeasure> {
    requireExchangeable(this.#dataDir, this.#set);
    if (this.#exchange.isUnderWay) throw notRestorable('an exchange of data was begun and has not ended');
    requireWritable(this.#set.outside);
    await requireWholeLive(this.#dataDir, this.#set);
    requireAlone(this.#dataDir, this.#set);
    const { items, outside } = this.#set;
    const freeBytes = freeBytesOf(this.#dataDir, `look at the free space of ${this.#dataDir}`);
    const bytes = items.reduce((sum, item) => sum + bytesBelow(path.join(this.#dataDir, item)), bytesOutside(outside));
    const aside = this.#own.at('aside');
    return {
      ...{ bytes, ...this.#databaseIn(this.#dataDir), freeBytes },
      aside: { bytes: bytesBelow(aside), ...this.#databaseIn(aside) },
    };
  }

  #databaseIn(root: string) {
    const { sqlite } = this.#set;
    const file = sqlite === undefined ? undefined : path.join(root, sqlite);
    return {
      databaseBytes: file === undefined ? 0 : bytesBelow(file),
      logBytes: file === undefined ? 0 : bytesBelow(`${file}-wal`),
    };
  }

  async snapshot(passage: Passage, takenAt: string): Promise<void> {
    // What lies aside is of an earlier update.
    this.#own.dropAside();
    await this.#makeSnapshot(passage, takenAt, async (folder) => {
      const copied = this.#set.items.flatMap((item) => copyTree(this.#dataDir, folder, item));
      await requireWholeCopy(folder, this.#set);
      return this.#withoutIndex(copied);
    });
  }

  async snapshotOf({ from, to }: Omit<Passage, 'attempt'>): Promise<TakenSnapshot | undefined> {
    const found = this.#own.records.findLast((record) => record.from === from && record.to === to);
    return found && { attempt: found.attempt, takenAt: found.takenAt };
  }

  async putBack({ attempt }: TakenSnapshot): Promise<void> {
    this.#exchange.finish();
    const record = this.#own.recordOf(attempt);
    // Whoever asked may not have heard that it is done.
    if (!record && this.#own.ownership?.putBack === attempt) return;
    if (!record) throw notRestorable(`there is no snapshot of ${attempt}`);
    const difference = await differenceIn(this.#own.snapshotFolder(attempt), this.#withoutIndex(record.copied));
    const besides = await differenceIn(this.#own.snapshotFolder(attempt, outsideName), record.outside?.copied ?? []);
    const change = difference ?? besides;
    if (change !== undefined) throw notRestorable(`the snapshot is not as it was taken: ${change}`);
    this.#exchange.putBack(record);
  }

  async setAside(): Promise<DataSetAside | undefined> {
    const record = this.#own.asideRecord;
    const isThere = this.#set.items.some((item) => exists(this.#own.at('aside', item)));
    return record && isThere ? { release: record.release } : undefined;
  }

  async bringBack(passage: Passage, takenAt: string): Promise<void> {
    await this.finishExchange();
    // An earlier call may have been cut off after it was done.
    if (this.#own.ownership?.release === passage.to) return;
    if ((await this.setAside())?.release !== passage.to) throw notRestorable('what lies aside is of another release');
    await requireWholeCopy(this.#own.at('aside'), this.#set);
    const index = logIndexOf(this.#set);
    // Nobody has the database open.
    if (index !== undefined) remove(path.join(this.#dataDir, index));
    const record = await this.#makeSnapshot(passage, takenAt, async () => {
      const listed: Copied[] = [];
      for (const item of this.#set.items) listed.push(...(await listTree(this.#dataDir, item)));
      return listed;
    });
    this.#exchange.bringBack(record);
  }

  async putLinksBack({ attempt }: TakenSnapshot): Promise<void> {
    const record = this.#own.recordOf(attempt);
    if (record) setLinks(this.#dataDir, record.links, this.#set);
  }

  async finishExchange(): Promise<void> {
    // All of it is looked at from here on, and acted upon.
    const places = this.#set.items.map((item) => path.dirname(path.join(this.#dataDir, item)));
    flushFolders([this.#dataDir, ...places, this.#own.folder, this.#own.at('snapshots')]);
    this.#exchange.finish();
  }

  async prune(keep: readonly Omit<Passage, 'attempt'>[]): Promise<void> {
    const isWanted = (record: SnapshotRecord) => keep.some(({ from, to }) => record.from === from && record.to === to);
    const wanted = new Set(this.#own.records.filter(isWanted).map(({ attempt }) => attempt));
    removeAll(this.#own.snapshots.filter((name) => !wanted.has(name)).map((name) => this.#own.snapshotFolder(name)));
  }

  /** Takes everything away that was written beside the data. */
  forget(): void {
    remove(this.#own.folder);
    this.#hold.lift();
  }

  /** A copy has none, and one that an older updater took is not judged by it. */
  #withoutIndex(copied: readonly Copied[]): Copied[] {
    const index = logIndexOf(this.#set);
    return copied.filter((entry) => entry.path !== index);
  }

  /** Whole once its record is there, which comes last. @param fill copies the items, or lists what is to be moved there */
  async #makeSnapshot(
    { attempt, from, to }: Passage,
    takenAt: string,
    fill: (folder: string) => Promise<Copied[]>,
  ): Promise<SnapshotRecord> {
    const folder = this.#own.snapshotFolder(attempt);
    // One that is there is of an earlier halt of this attempt; the box has run since.
    remove(folder);
    makeDirectory(folder);
    const { items } = this.#set;
    try {
      for (const item of items) makeDirectory(path.dirname(path.join(folder, item)));
      const copied = await fill(folder);
      const links = linksNow(this.#dataDir, this.#set);
      const paths = [...this.#set.outside];
      const outside = { paths, copied: copyOutside(paths, path.join(folder, outsideName)) };
      const passage = { attempt, from, to, takenAt };
      const record: SnapshotRecord = { schemaVersion: 1, ...passage, items: [...items], copied, links, outside };
      this.#own.writeRecord(record);
      return record;
    } catch (thrown) {
      // What was copied takes the room that the box needs.
      remove(folder);
      throw thrown;
    }
  }
}
