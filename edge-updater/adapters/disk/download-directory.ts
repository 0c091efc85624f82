/**
 * Keeps blobs on their way: `downloads/<digest>.part`, and one ledger that says how many of their bytes are durable,
 * under which validator, and what the attempt has moved. Data is made durable before the ledger says so. A delta's
 * intermediate files have a folder beside it, `downloads/<digest>.scratch`.
 */
import { closeSync, ftruncateSync, openSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { type Digest, digestSchema, sha256 } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { decodeManifest, type ReleaseManifest } from '../../../contract/release/manifest.ts';
import {
  asDiskError,
  makeDirectory,
  onDisk,
  readIfThere,
  remove,
  removeAll,
  replaceFileSync,
} from '../../../system/files/durable-file-sync.ts';
import type { DownloadStore, PartialBlob } from '../../ports.ts';
import { streamOfFile } from './file-stream.ts';
import { byteCount, makePart, type PartEntry, PartOfBlob, partSchema, reopenPart } from './part-of-blob.ts';

const ledgerSchema = z.strictObject({
  schemaVersion: z.literal(1),
  attempt: z.string(),
  bytesOnWire: byteCount,
  resumedFrom: byteCount,
  parts: z.record(digestSchema, partSchema),
});
type Ledger = z.infer<typeof ledgerSchema>;

const scratchSuffix = '.scratch';
const blankLedger: Ledger = { schemaVersion: 1, attempt: '', bytesOnWire: 0, resumedFrom: 0, parts: {} };

/** What the ledger says, for `status` beside a running daemon. */
export function readTransfer(stateDirectory: string): {
  attempt: string;
  bytesOnWire: number;
  resumedFrom: number;
  durableBytes: number;
} {
  const { attempt, bytesOnWire, resumedFrom, parts } = readLedger(path.join(stateDirectory, 'downloads'));
  return { attempt, bytesOnWire, resumedFrom, durableBytes: sumOf(parts) };
}

export class DownloadDirectory implements DownloadStore {
  readonly #directory: string;
  #ledger: Ledger;

  constructor(stateDirectory: string) {
    this.#directory = path.join(stateDirectory, 'downloads');
    makeDirectory(this.#directory);
    this.#ledger = readLedger(this.#directory);
  }

  get bytesOnWire(): number {
    return this.#ledger.bytesOnWire;
  }

  get resumedFrom(): number {
    return this.#ledger.resumedFrom;
  }

  begin(attemptId: string, keep: ReadonlySet<Digest>): void {
    const isSame = this.#ledger.attempt === attemptId;
    const parts = Object.entries(this.#ledger.parts).filter(([digest]) => keep.has(digest));
    // A kill came after these bytes arrived and before they were durable: they were moved, and will be again.
    const lost = parts.reduce((sum, [digest, part]) => sum + Math.max(0, this.#sizeOf(digest) - part.offset), 0);
    this.#save({
      schemaVersion: 1,
      attempt: attemptId,
      bytesOnWire: isSame ? this.#ledger.bytesOnWire + lost : 0,
      resumedFrom: isSame ? this.#ledger.resumedFrom : 0,
      parts: Object.fromEntries(parts),
    });
    for (const [digest, part] of parts) this.#cut(digest, part.offset);
    const wanted = new Set(parts.map(([digest]) => `${digest}.part`));
    for (const name of this.#names()) {
      const isUnwantedScratch = name.endsWith(scratchSuffix) && !keep.has(name.slice(0, -scratchSuffix.length));
      if (isUnwantedScratch || (name.endsWith('.part') && !wanted.has(name))) remove(path.join(this.#directory, name));
    }
  }

  durable(): Map<Digest, number> {
    return new Map(Object.entries(this.#ledger.parts).map(([digest, part]) => [digest, part.offset]));
  }

  resumed(): void {
    const resumedFrom = Math.max(this.#ledger.resumedFrom, sumOf(this.#ledger.parts));
    if (resumedFrom !== this.#ledger.resumedFrom) this.#save({ ...this.#ledger, resumedFrom });
  }

  openPart(digest: Digest, length: number, via: 'network' | 'bundle'): PartialBlob {
    const known = this.#ledger.parts[digest];
    const file = this.#part(digest);
    const isKnown = known !== undefined && known.length === length && this.#sizeOf(digest) >= known.offset;
    const entry: PartEntry = isKnown ? known : { length, offset: 0, isPieced: false, isRestarted: false };
    const descriptor = isKnown ? reopenPart(file, entry) : makePart(file);
    return new PartOfBlob(descriptor, file, entry, (part, moved) => {
      const parts = { ...this.#ledger.parts, [digest]: part };
      const bytesOnWire = this.#ledger.bytesOnWire + (via === 'network' ? moved : 0);
      this.#save({ ...this.#ledger, parts, bytesOnWire });
    });
  }

  async *read(digest: Digest): AsyncGenerator<Uint8Array> {
    const file = this.#part(digest);
    try {
      yield* streamOfFile(file, this.#sizeOf(digest)) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw asDiskError(`read ${file}`, error);
    }
  }

  fileOf(digest: Digest): string {
    return this.#part(digest);
  }

  scratchOf(digest: Digest): string {
    return path.join(this.#directory, `${digest}${scratchSuffix}`);
  }

  dropScratch(): void {
    for (const name of this.#names()) {
      if (name.endsWith(scratchSuffix)) remove(path.join(this.#directory, name));
    }
  }

  putManifest(digest: Digest, bytes: Uint8Array): void {
    replaceFileSync(this.#manifestFile(digest), bytes);
  }

  manifest(digest: Digest): ReleaseManifest {
    const bytes = readIfThere(this.#manifestFile(digest));
    if (!bytes || sha256(bytes) !== digest) {
      throw new SlipwayError('manifest-mismatched', `the accepted manifest ${digest} is no longer on the disk`);
    }
    return decodeManifest(bytes);
  }

  clear(): void {
    this.#ledger = blankLedger;
    removeAll(this.#names().map((name) => path.join(this.#directory, name)));
  }

  #save(ledger: Ledger): void {
    replaceFileSync(path.join(this.#directory, 'ledger.json'), Buffer.from(JSON.stringify(ledger)));
    this.#ledger = ledger;
  }

  #part(digest: Digest): string {
    return path.join(this.#directory, `${digest}.part`);
  }

  #manifestFile(digest: Digest): string {
    return path.join(this.#directory, `${digest}.release.json`);
  }

  #names(): string[] {
    return onDisk('list downloads', () => readdirSync(this.#directory));
  }

  #sizeOf(digest: Digest): number {
    return onDisk('look for a part', () => statSync(this.#part(digest), { throwIfNoEntry: false }))?.size ?? 0;
  }

  #cut(digest: Digest, offset: number): void {
    if (this.#sizeOf(digest) <= offset) return;
    const descriptor = onDisk('open a part', () => openSync(this.#part(digest), 'r+'));
    try {
      onDisk('cut a part', () => ftruncateSync(descriptor, offset));
    } finally {
      closeSync(descriptor);
    }
  }
}

function sumOf(parts: Ledger['parts']): number {
  return Object.values(parts).reduce((sum, part) => sum + part.offset, 0);
}

/** A ledger that cannot be read is no ledger: everything is fetched again. */
function readLedger(directory: string): Ledger {
  const bytes = readIfThere(path.join(directory, 'ledger.json'));
  if (!bytes) return blankLedger;
  try {
    const parsed = ledgerSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success ? parsed.data : blankLedger;
  } catch {
    return blankLedger;
  }
}
