/** Writes a file that goes to the disk while it is written, so that little is left to wait for at its end. */
import { fdatasync, fsyncSync } from 'node:fs';
import { onDisk, writeFully } from '../../../system/files/durable-file-sync.ts';

/** Bytes between two flushes. */
const stepBytes = 16 * 1024 * 1024;

export class FlushedFile {
  readonly #descriptor: number;
  readonly #name: string;
  #unflushed = 0;
  readonly #flushes: Promise<void>[] = [];
  /** Of a flush: the system tells it once, so it is kept. */
  #failure: Error | null = null;

  /** @param descriptor gets bytes from its position on; stays the caller's */
  constructor(descriptor: number, name: string) {
    this.#descriptor = descriptor;
    this.#name = name;
  }

  /** @throws SlipwayError `disk-full` or `io-error` */
  write(chunk: Uint8Array): void {
    onDisk(`write ${this.#name}`, () => writeFully(this.#descriptor, chunk));
    this.#unflushed += chunk.length;
    if (this.#unflushed < stepBytes) return;
    this.#unflushed = 0;
    const flush = new Promise<void>((resolve) => {
      fdatasync(this.#descriptor, (error) => {
        this.#failure ??= error;
        resolve();
      });
    });
    this.#flushes.push(flush);
  }

  /**
   * Everything written is durable when it returns.
   * @throws SlipwayError `disk-full` or `io-error`
   */
  async finish(): Promise<void> {
    await Promise.all(this.#flushes);
    onDisk(`sync ${this.#name}`, () => {
      if (this.#failure !== null) throw this.#failure;
      fsyncSync(this.#descriptor);
    });
  }
}
