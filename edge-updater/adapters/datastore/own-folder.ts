/**
 * Keeps the small files of the updater beside the data of an adopted box, in `<data directory>/slipway/`: `owner.json` says the
 * release that wrote the data, `snapshots/<attempt>/snapshot.json` describes a copy, `aside/aside.json` what was set aside.
 */
import path from 'node:path';
import * as z from 'zod';
import { type Digest, digestSchema } from '../../../contract/digest.ts';
import {
  exists,
  makeDirectory,
  namesIn,
  readIfThere,
  remove,
  replaceFileSync,
} from '../../../system/files/durable-file-sync.ts';
import { ifReadable } from '../disk/if-readable.ts';
import { type AsideRecord, asideRecordSchema, type SnapshotRecord, snapshotRecordSchema } from './snapshot-record.ts';

export const exchangeName = 'exchange.json';
const recordName = 'snapshot.json';
const asideName = 'aside.json';
/** `putBack`: the attempt whose copy is in place since the last exchange. */
const ownerSchema = z.object({
  schemaVersion: z.literal(1),
  release: digestSchema,
  putBack: z.string().optional(),
});

export class OwnFolder {
  readonly folder: string;

  constructor(dataDir: string) {
    this.folder = path.join(dataDir, 'slipway');
  }

  at(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  snapshotFolder(attempt: string, ...parts: readonly string[]): string {
    return this.at('snapshots', attempt, ...parts);
  }

  get ownership(): z.infer<typeof ownerSchema> | undefined {
    return this.read('owner.json', ownerSchema);
  }

  /** An exchange was begun and has not ended; see exchange.ts. */
  get isExchanging(): boolean {
    return exists(this.at(exchangeName));
  }

  /** Whose the data is, as far as it is whole; a process without a right to the data may look. */
  get wholeFor(): Digest | undefined {
    return ifReadable(() => (this.isExchanging ? undefined : this.ownership?.release));
  }

  /** @param putBack the attempt whose copy is in place */
  own(release: Digest, putBack?: string): void {
    this.write('owner.json', { schemaVersion: 1, release, putBack });
  }

  /** Names of snapshots, whole or not. */
  get snapshots(): string[] {
    return namesIn(this.at('snapshots'));
  }

  /** Of whole snapshots, in the order in which they were taken. */
  get records(): SnapshotRecord[] {
    return this.snapshots
      .map((name) => this.recordOf(name))
      .filter((record) => record !== undefined)
      .sort((a, b) => a.takenAt.localeCompare(b.takenAt));
  }

  recordOf(attempt: string): SnapshotRecord | undefined {
    return this.read(path.join('snapshots', attempt, recordName), snapshotRecordSchema);
  }

  writeRecord(record: SnapshotRecord): void {
    replaceFileSync(this.snapshotFolder(record.attempt, recordName), Buffer.from(JSON.stringify(record)));
  }

  get asideRecord(): AsideRecord | undefined {
    return this.read(path.join('aside', asideName), asideRecordSchema);
  }

  writeAsideRecord(record: AsideRecord): void {
    makeDirectory(this.at('aside'));
    this.write(path.join('aside', asideName), record);
  }

  /** Its record first: a part of a set belongs to nobody. */
  dropAside(): void {
    remove(this.at('aside', asideName));
    remove(this.at('aside'));
  }

  /** Undefined where there is none, or none that can be understood. */
  read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    const bytes = readIfThere(this.at(name));
    if (!bytes) return undefined;
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    } catch {
      return undefined;
    }
  }

  write(name: string, value: object): void {
    makeDirectory(this.folder);
    replaceFileSync(this.at(name), Buffer.from(`${JSON.stringify(value)}\n`));
  }
}
