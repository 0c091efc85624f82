/** Writes one blob: the ledger says which of its bytes are durable, and is written after them. */
import { closeSync, fsyncSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import * as z from 'zod';
import type { Digest } from '../../../contract/digest.ts';
import { toSlipwayError } from '../../../contract/errors.ts';
import { onDisk, writeFully } from '../../../system/files/durable-file-sync.ts';
import type { PartialBlob, PartProgress } from '../../ports.ts';
import { digestOfFile } from './digest-of-file.ts';

export const byteCount = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const partSchema = z.strictObject({
  length: byteCount,
  offset: byteCount,
  etag: z.string().optional(),
  isPieced: z.boolean(),
  isRestarted: z.boolean(),
});
export type PartEntry = z.infer<typeof partSchema>;

/** A fresh file: one that was there may share its bytes with a slot, which keeps them. */
export function makePart(file: string): number {
  return onDisk(`make ${file}`, () => {
    rmSync(file, { force: true });
    return openSync(file, 'wx+', 0o600);
  });
}

/** A file that is whole is only read: a slot may have given it a mode without writing. */
export function reopenPart(file: string, { offset, length }: PartEntry): number {
  const isWhole = offset === length;
  const descriptor = onDisk(`open ${file}`, () => openSync(file, isWhole ? 'r' : 'r+'));
  if (!isWhole) onDisk(`cut ${file}`, () => ftruncateSync(descriptor, offset));
  return descriptor;
}

export class PartOfBlob implements PartialBlob {
  #descriptor: number;
  readonly #file: string;
  readonly #save: (entry: PartEntry, moved: number) => void;
  #entry: PartEntry;
  #received: number;
  /** Bytes received since the ledger was written. */
  #moved = 0;

  constructor(descriptor: number, file: string, entry: PartEntry, save: (entry: PartEntry, moved: number) => void) {
    this.#descriptor = descriptor;
    this.#file = file;
    this.#entry = entry;
    this.#received = entry.offset;
    this.#save = save;
  }

  get progress(): PartProgress {
    const { offset, etag, isPieced, isRestarted } = this.#entry;
    return { offset, etag, isPieced, isRestarted };
  }

  get received(): number {
    return this.#received;
  }

  write(chunk: Uint8Array): void {
    this.#orGiveBack(() => {
      onDisk(`write ${this.#file}`, () => writeFully(this.#descriptor, chunk, this.#received));
      this.#received += chunk.length;
      this.#moved += chunk.length;
    });
  }

  sync(): void {
    if (this.#moved === 0 && this.#received === this.#entry.offset) return;
    this.#orGiveBack(() => {
      onDisk(`sync ${this.#file}`, () => fsyncSync(this.#descriptor));
      this.#store({ ...this.#entry, offset: this.#received });
    });
  }

  /** A disk that is full gets back what is not durable: the ledger and the journal have to be written next. */
  #orGiveBack(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (toSlipwayError(error).code === 'disk-full') {
        this.#received = this.#entry.offset;
        onDisk(`cut ${this.#file}`, () => ftruncateSync(this.#descriptor, this.#received));
      }
      throw error;
    }
  }

  follow(etag: string | undefined): void {
    this.#store({ ...this.#entry, isPieced: this.#received > 0, etag });
  }

  passOver(count: number): void {
    this.#moved += count;
  }

  rewind(before: PartProgress): void {
    const { offset, etag, isPieced, isRestarted } = before;
    this.#cutTo({ length: this.#entry.length, offset, isPieced, isRestarted, etag });
  }

  restart(): void {
    const entry = { length: this.#entry.length, offset: 0, isPieced: false, isRestarted: true };
    this.#received = 0;
    this.#store(entry);
    const fresh = makePart(this.#file);
    closeSync(this.#descriptor);
    this.#descriptor = fresh;
  }

  /** The ledger first: bytes that it does not count are cut off when the part is opened next. */
  #cutTo(entry: PartEntry): void {
    this.#received = entry.offset;
    this.#store(entry);
    onDisk(`cut ${this.#file}`, () => ftruncateSync(this.#descriptor, entry.offset));
  }

  digest(): Promise<Digest> {
    return digestOfFile(this.#file);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #store(entry: PartEntry): void {
    this.#save(entry, this.#moved);
    this.#moved = 0;
    this.#entry = entry;
  }
}
