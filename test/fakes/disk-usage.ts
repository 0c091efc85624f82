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
const quietly = (look) => { try { return look(); } catch { return 0; } };
const below = (file) => quietly(() => {
  const stat = lstatSync(file);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(file).reduce((sum, name) => sum + below(file + '/' + name), 0);
});
const unnamed = () => readdirSync('/proc/self/fd').reduce((sum, fd) => sum + quietly(() =>
  readlinkSync('/proc/self/fd/' + fd).includes('/etilqs_') ? fstatSync(Number(fd)).size : 0), 0);
while (Atomics.load(state, 0) === 0) {
  const used = BigInt(below(folder) + unnamed());
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
