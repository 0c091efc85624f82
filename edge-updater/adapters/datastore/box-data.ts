/**
 * Keeps the data of an adopted box: `<data directory>/slipway/` has `owner.json`, which says the release that wrote the
 * data, `snapshots/<attempt>/`, and `aside/` with what the last rollback took away. All of it lies on the file system
 * of the data, so that an exchange is renames alone. While one is under way `exchange.json` names its snapshot; it is
 * done again from whatever it left, item by item.
 */
import { readdirSync, statfsSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { type Digest, digestSchema } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import {
  exists,
  flushFolders,
  makeDirectory,
  moveInto,
  onDisk,
  readIfThere,
  remove,
  removeAll,
  replaceFileSync,
} from '../../../system/files/durable-file-sync.ts';
import type { Adoption } from '../../adoption/adoption.ts';
import type { BoxData, DataMeasure, Passage, TakenSnapshot } from '../../adoption/box-data.ts';
import { type DataSet, dataSetOf } from '../../adoption/data-set.ts';
import { bytesBelow, copyTree, differenceIn } from './copy-tree.ts';
import { requireWholeCopy, requireWholeLive } from './database-check.ts';
import { requireExchangeable } from './exchangeable.ts';
import { HoldFile } from './hold-file.ts';
import { bytesOutside, copyOutside, giveOutsideBack, requireWritable } from './outside-files.ts';
import { linksNow, setLinks } from './remembered-links.ts';
import { type SnapshotRecord, snapshotRecordSchema } from './snapshot-record.ts';

const recordName = 'snapshot.json';
/** Within a snapshot and within what was set aside: files of other folders under their whole paths. */
const outsideName = 'outside';
const partialEnding = '.partial';
/** `putBack`: the attempt whose copy is in place since the last exchange. */
const ownerSchema = z.object({
  schemaVersion: z.literal(1),
  release: digestSchema,
  putBack: z.string().optional(),
});
const exchangeSchema = z.object({ schemaVersion: z.literal(1), snapshot: z.string() });

export class BoxDataDirectory implements BoxData {
  readonly #set: DataSet;
  readonly #dataDir: string;
  readonly #own: string;
  readonly #hold: HoldFile;

  constructor(adoption: Adoption, stateDirectory: string) {
    this.#set = dataSetOf(adoption);
    this.#dataDir = adoption.dataDir;
    this.#own = path.join(adoption.dataDir, 'slipway');
    this.#hold = new HoldFile(stateDirectory);
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
    return this.#ownership?.release;
  }

  async claim(release: Digest): Promise<void> {
    this.#claim(release);
  }

  async measure(): Promise<DataMeasure> {
    requireExchangeable(this.#dataDir, this.#set);
    if (this.#isExchanging) throw notRestorable('an exchange of data was begun and has not ended');
    requireWritable(this.#set.outside);
    await requireWholeLive(this.#dataDir, this.#set);
    const at = (name: string) => path.join(this.#dataDir, name);
    const { bavail, bsize } = onDisk(`look at the free space of ${this.#dataDir}`, () => statfsSync(this.#dataDir));
    return {
      bytes: this.#set.items.reduce((sum, item) => sum + bytesBelow(at(item)), bytesOutside(this.#set.outside)),
      databaseBytes: this.#set.sqlite === undefined ? 0 : bytesBelow(at(this.#set.sqlite)),
      freeBytes: bavail * bsize,
    };
  }

  async snapshot({ attempt, from, to }: Passage, takenAt: string): Promise<void> {
    const whole = this.#snapshotFolder(attempt);
    const partial = `${whole}${partialEnding}`;
    // One that is there is of an earlier halt of this attempt; the box has run since.
    removeAll([whole, partial, this.#path('aside')]);
    makeDirectory(partial);
    const { items } = this.#set;
    try {
      for (const item of items) makeDirectory(path.dirname(path.join(partial, item)));
      const copied = items.flatMap((item) => copyTree(this.#dataDir, partial, item));
      const links = linksNow(this.#dataDir, this.#set);
      const paths = [...this.#set.outside];
      const outside = { paths, copied: copyOutside(paths, path.join(partial, outsideName)) };
      const passage = { attempt, from, to, takenAt };
      const record: SnapshotRecord = { schemaVersion: 1, ...passage, items: [...items], copied, links, outside };
      await requireWholeCopy(partial, this.#set);
      replaceFileSync(path.join(partial, recordName), Buffer.from(JSON.stringify(record)));
      moveInto(partial, whole);
    } catch (thrown) {
      // What was copied takes the room that the box needs.
      remove(partial);
      throw thrown;
    }
  }

  async snapshotOf({ from, to }: Omit<Passage, 'attempt'>): Promise<TakenSnapshot | undefined> {
    const found = this.#records().findLast((record) => record.from === from && record.to === to);
    return found && { attempt: found.attempt, takenAt: found.takenAt };
  }

  async putBack({ attempt }: TakenSnapshot): Promise<void> {
    const record = this.#recordOf(attempt);
    // Whoever asked may not have heard that it is done.
    if (!record && !this.#isExchanging && this.#ownership?.putBack === attempt) return;
    if (!record) throw notRestorable(`there is no snapshot of ${attempt}`);
    if (!this.#isExchanging) {
      const difference = await differenceIn(this.#snapshotFolder(attempt), record.copied);
      const besides = await differenceIn(this.#snapshotFolder(attempt, outsideName), record.outside?.copied ?? []);
      const change = difference ?? besides;
      if (change !== undefined) throw notRestorable(`the snapshot is not as it was taken: ${change}`);
      remove(this.#path('aside'));
      this.#write('exchange.json', { schemaVersion: 1, snapshot: attempt });
    }
    this.#exchange(record);
  }

  async putLinksBack({ attempt }: TakenSnapshot): Promise<void> {
    const record = this.#recordOf(attempt);
    if (record) setLinks(this.#dataDir, record.links, this.#set);
  }

  async finishExchange(): Promise<void> {
    // All of it is looked at from here on, and acted upon.
    const places = this.#set.items.map((item) => path.dirname(path.join(this.#dataDir, item)));
    flushFolders([this.#dataDir, ...places, this.#own, this.#path('snapshots')]);
    if (!this.#isExchanging) return;
    const open = this.#read('exchange.json', exchangeSchema);
    if (!open) throw notRestorable('an exchange of data was begun, and its file cannot be read');
    const record = this.#recordOf(open.snapshot);
    if (!record) throw notRestorable(`an exchange of data was begun with ${open.snapshot}, whose record is gone`);
    this.#exchange(record);
  }

  async prune(keep: readonly Omit<Passage, 'attempt'>[]): Promise<void> {
    const isWanted = (record: SnapshotRecord) => keep.some(({ from, to }) => record.from === from && record.to === to);
    const wanted = new Set(
      this.#records()
        .filter(isWanted)
        .map(({ attempt }) => attempt),
    );
    removeAll(
      this.#names()
        .filter((name) => !wanted.has(name))
        .map((name) => this.#snapshotFolder(name)),
    );
  }

  /** Takes everything away that was written beside the data. */
  forget(): void {
    remove(this.#own);
    this.#hold.lift();
  }

  get #ownership(): z.infer<typeof ownerSchema> | undefined {
    return this.#read('owner.json', ownerSchema);
  }

  #claim(release: Digest): void {
    if (this.#ownership?.release === release) return;
    this.#write('owner.json', { schemaVersion: 1, release });
  }

  get #isExchanging(): boolean {
    return exists(this.#path('exchange.json'));
  }

  /** Each item tells by itself how far it came: the copy is there until it is in place. */
  #exchange({ attempt, items, copied, links, from, outside }: SnapshotRecord): void {
    const snapshot = this.#snapshotFolder(attempt);
    const wasThere = new Set(copied.map((entry) => entry.path));
    for (const item of items) {
      const [place, copy, aside] = [this.#dataDir, snapshot, this.#path('aside')].map((root) => path.join(root, item));
      const isDue = wasThere.has(item) ? exists(copy as string) : !exists(aside as string);
      if (isDue && exists(place as string)) {
        makeDirectory(path.dirname(aside as string));
        // The newer set is aside already: what came to its place since then belongs to neither.
        if (exists(aside as string)) remove(place as string);
        else moveInto(place as string, aside as string);
      }
      if (exists(copy as string)) moveInto(copy as string, place as string);
    }
    if (outside) giveOutsideBack(outside, path.join(snapshot, outsideName), this.#path('aside', outsideName));
    setLinks(this.#dataDir, links, this.#set);
    this.#write('owner.json', { schemaVersion: 1, release: from, putBack: attempt });
    remove(this.#path('exchange.json'));
    remove(snapshot);
  }

  #records(): SnapshotRecord[] {
    return this.#names()
      .map((name) => this.#recordOf(name))
      .filter((record) => record !== undefined)
      .sort((a, b) => a.takenAt.localeCompare(b.takenAt));
  }

  #recordOf(attempt: string): SnapshotRecord | undefined {
    return this.#read(path.join('snapshots', attempt, recordName), snapshotRecordSchema);
  }

  #names(): string[] {
    const folder = this.#path('snapshots');
    return exists(folder) ? onDisk(`list ${folder}`, () => readdirSync(folder)) : [];
  }

  #snapshotFolder(attempt: string, ...parts: readonly string[]): string {
    return this.#path('snapshots', attempt, ...parts);
  }

  #path(...parts: readonly string[]): string {
    return path.join(this.#own, ...parts);
  }

  #read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    const bytes = readIfThere(this.#path(name));
    if (!bytes) return undefined;
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch {
      return undefined;
    }
  }

  #write(name: string, value: object): void {
    makeDirectory(this.#own);
    replaceFileSync(this.#path(name), Buffer.from(`${JSON.stringify(value)}\n`));
  }
}

function notRestorable(message: string): SlipwayError {
  return new SlipwayError('datastore-not-restorable', message, {
    hint: 'The newer data stays in place; restore the datastore by the means of its distribution.',
  });
}
