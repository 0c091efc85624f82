/**
 * Exchanges the data of a box by renames, in two ways: a copy takes the place of what is there, which goes aside; or what lies
 * aside comes back, and what is there becomes a copy. `exchange.json` is there from before the first rename until after the
 * last. Each item tells by itself how far it came, so an exchange is done again from whatever a stop has left of it.
 */
import path from 'node:path';
import * as z from 'zod';
import { digestSchema } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { exists, makeDirectory, moveInto, remove } from '../../../system/files/durable-file-sync.ts';
import type { DataSet } from '../../adoption/data-set.ts';
import { giveOutsideBack } from './outside-files.ts';
import { exchangeName, type OwnFolder } from './own-folder.ts';
import { linksNow, setLinks } from './remembered-links.ts';
import { linkSchema, type SnapshotRecord } from './snapshot-record.ts';

/** Within a snapshot and within what was set aside: files of other folders under their whole paths. */
export const outsideName = 'outside';

/** Version 2 is the way back from aside: an updater that does not know it leaves the hold where it is. */
const exchangeSchema = z.discriminatedUnion('schemaVersion', [
  z.object({ schemaVersion: z.literal(1), snapshot: z.string() }),
  z.object({
    schemaVersion: z.literal(2),
    /** The copy that what is there becomes. */
    snapshot: z.string(),
    /** Of the data that comes back. */
    release: digestSchema,
    links: z.array(linkSchema),
  }),
]);
type Returning = Extract<z.infer<typeof exchangeSchema>, { schemaVersion: 2 }>;

export class Exchange {
  readonly #own: OwnFolder;
  readonly #dataDir: string;
  readonly #set: DataSet;

  constructor(own: OwnFolder, dataDir: string, set: DataSet) {
    this.#own = own;
    this.#dataDir = dataDir;
    this.#set = set;
  }

  get isUnderWay(): boolean {
    return this.#own.isExchanging;
  }

  /** Ends one that was begun. @throws SlipwayError `datastore-not-restorable` where it cannot be known how */
  finish(): void {
    if (!this.isUnderWay) return;
    const open = this.#own.read(exchangeName, exchangeSchema);
    if (!open) throw notRestorable('an exchange of data was begun, and its file cannot be read');
    const record = this.#own.recordOf(open.snapshot);
    if (!record) throw notRestorable(`an exchange of data was begun with ${open.snapshot}, whose record is gone`);
    if (open.schemaVersion === 1) this.#putBack(record);
    else this.#bringBack(open, record);
  }

  /** The copy was proved. */
  putBack(record: SnapshotRecord): void {
    this.#own.dropAside();
    const release = this.#own.ownership?.release ?? record.to;
    this.#own.writeAsideRecord({ schemaVersion: 1, release, links: linksNow(this.#dataDir, this.#set) });
    this.#own.write(exchangeName, { schemaVersion: 1, snapshot: record.attempt });
    this.#putBack(record);
  }

  /** @param record of the copy that what is there becomes; its folder is there already, without the items */
  bringBack(record: SnapshotRecord): void {
    const { links = [] } = this.#own.asideRecord ?? {};
    const open: Returning = { schemaVersion: 2, snapshot: record.attempt, release: record.to, links };
    this.#own.write(exchangeName, open);
    this.#bringBack(open, record);
  }

  #putBack({ attempt, items, copied, links, from, outside }: SnapshotRecord): void {
    const wasThere = new Set(copied.map((entry) => entry.path));
    for (const item of items) {
      const { place, copy, aside } = this.#placesOf(item, attempt);
      const isDue = wasThere.has(item) ? exists(copy) : !exists(aside);
      if (isDue && exists(place)) {
        makeDirectory(path.dirname(aside));
        // The newer set is aside already: what came to its place since then belongs to neither.
        if (exists(aside)) remove(place);
        else moveInto(place, aside);
      }
      if (exists(copy)) moveInto(copy, place);
    }
    if (outside) this.#giveOutsideBack(outside, this.#own.snapshotFolder(attempt), this.#own.at('aside'));
    setLinks(this.#dataDir, links, this.#set);
    this.#own.own(from, attempt);
    remove(this.#own.at(exchangeName));
    remove(this.#own.snapshotFolder(attempt));
  }

  #bringBack({ release, links }: Returning, { attempt, items, copied, outside }: SnapshotRecord): void {
    const wasThere = new Set(copied.map((entry) => entry.path));
    for (const item of items) {
      const { place, copy, aside } = this.#placesOf(item, attempt);
      if (wasThere.has(item) && !exists(copy) && exists(place)) moveInto(place, copy);
      if (!exists(aside)) continue;
      // What came to its place since then belongs to neither.
      if (exists(place)) remove(place);
      moveInto(aside, place);
    }
    const hasOutside = exists(this.#own.at('aside', outsideName));
    if (outside && hasOutside) this.#giveOutsideBack(outside, this.#own.at('aside'), this.#own.snapshotFolder(attempt));
    setLinks(this.#dataDir, links, this.#set);
    this.#own.own(release);
    // In one step: settings of which a part is gone would be taken for what was there.
    const emptied = this.#own.snapshotFolder(`${attempt}.aside`);
    if (exists(this.#own.at('aside'))) moveInto(this.#own.at('aside'), emptied);
    remove(this.#own.at(exchangeName));
    remove(emptied);
  }

  #giveOutsideBack(outside: NonNullable<SnapshotRecord['outside']>, from: string, aside: string): void {
    giveOutsideBack(outside, path.join(from, outsideName), path.join(aside, outsideName));
  }

  #placesOf(item: string, attempt: string) {
    const [place, copy, aside] = [this.#dataDir, this.#own.snapshotFolder(attempt), this.#own.at('aside')];
    return { place: path.join(place, item), copy: path.join(copy, item), aside: path.join(aside, item) };
  }
}

export function notRestorable(message: string): SlipwayError {
  return new SlipwayError('datastore-not-restorable', message, {
    hint: 'The newer data stays in place; restore the datastore by the means of its distribution.',
  });
}
