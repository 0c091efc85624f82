/**
 * Watches from a thread of its own how many bytes the files below a folder take, with the temporary files of SQLite, which have
 * no name: a VACUUM takes its room within one call.
 */
import { Worker } from 'node:worker_threads';

const source = `
const { readdirSync, lstatSync, readlinkSync, fstatSync } = require('node:fs');
const { workerData } = require('node:worker_threads');
const { folder, shared } = workerData;
const peak = new BigInt64Array(shared, 0, 1);
const state = new Int32Array(shared, 8, 2);
const quietly = (work) => { try { work(); } catch { /* It is gone. */ } };
const look = (file, seen) => quietly(() => {
  const stat = lstatSync(file);
  if (stat.isDirectory()) for (const name of readdirSync(file)) look(file + '/' + name, seen);
  else seen.set(stat.ino, stat.size);
});
const unnamed = (seen) => {
  for (const fd of readdirSync('/proc/self/fd')) quietly(() => {
    if (!readlinkSync('/proc/self/fd/' + fd).includes('/etilqs_')) return;
    const { ino, size } = fstatSync(Number(fd));
    seen.set(ino, size);
  });
};
while (Atomics.load(state, 0) === 0) {
  // By its number: a file that is renamed meanwhile is met under both names.
  const seen = new Map();
  look(folder, seen);
  unnamed(seen);
  let bytes = 0;
  for (const size of seen.values()) bytes += size;
  const used = BigInt(bytes);
  if (used > Atomics.load(peak, 0)) Atomics.store(peak, 0, used);
  Atomics.add(state, 1, 1);
  Atomics.wait(state, 0, 0, 0.5);
}
`;

export class DiskUsage implements Disposable {
  readonly #shared = new SharedArrayBuffer(16);
  readonly #worker: Worker;

  private constructor(folder: string) {
    this.#worker = new Worker(source, { eval: true, workerData: { folder, shared: this.#shared } });
  }

  /** Comes back once it watches. */
  static async of(folder: string): Promise<DiskUsage> {
    const usage = new DiskUsage(folder);
    while (usage.#looks === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    return usage;
  }

  /** The most so far. */
  get peakBytes(): number {
    return Number(Atomics.load(new BigInt64Array(this.#shared, 0, 1), 0));
  }

  get #looks(): number {
    return Atomics.load(new Int32Array(this.#shared, 8, 2), 1);
  }

  [Symbol.dispose](): void {
    Atomics.store(new Int32Array(this.#shared, 8, 2), 0, 1);
    void this.#worker.terminate();
  }
}
