/**
 * Keeps files of a store open for reading. Many clients fetch the same blob in pieces at the same time: they share one
 * descriptor, which stays open for a moment after it was opened. Reads name their position, so nobody disturbs another.
 */
import { close, constants, fstat, open, read } from 'node:fs';
import { promisify } from 'node:util';

/** A file that was replaced meanwhile is read as it was for so long at most. */
const keptMs = 1000;
/** Files that wait for the next user; others are closed by their last one. */
const defaultMaxKept = 64;

interface SharedFile {
  readonly descriptor: number;
  readonly length: number;
  users: number;
  isKept: boolean;
  isClosed: boolean;
}

/** One use of a file; release it once, when no read is under way. */
export interface FileUse {
  /** Bytes. */
  readonly length: number;
  /** @returns how many bytes it put at the start of `into`, 0 at the end of the file */
  read(into: Uint8Array, maxBytes: number, position: number): Promise<number>;
  release(): void;
}

const openFile = promisify(open);
const statOpen = promisify(fstat);

export class OpenFiles {
  readonly #files = new Map<string, Promise<SharedFile | undefined>>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #maxKept: number;

  constructor({ maxKept = defaultMaxKept }: { readonly maxKept?: number } = {}) {
    this.#maxKept = maxKept;
  }

  /**
   * @returns undefined for what is no regular file
   * @throws the error of the system where the file cannot be opened
   */
  async use(name: string): Promise<FileUse | undefined> {
    for (;;) {
      const opening = this.#files.get(name) ?? this.#open(name);
      const file = await opening;
      if (!file) return undefined;
      if (!file.isClosed) return useOf(file);
    }
  }

  /** What is in use stays open until it is released. */
  close(): void {
    for (const name of [...this.#files.keys()]) void this.#forget(name);
  }

  #open(name: string): Promise<SharedFile | undefined> {
    const isKept = this.#files.size < this.#maxKept;
    const opening = openShared(name, isKept);
    if (!isKept) return opening;
    this.#files.set(name, opening);
    this.#timers.set(name, setTimeout(() => void this.#forget(name), keptMs).unref());
    // Nothing is kept of a failure: the next caller looks anew.
    opening.then(
      (file) => void (file ?? this.#forget(name)),
      () => void this.#forget(name),
    );
    return opening;
  }

  async #forget(name: string): Promise<void> {
    const opening = this.#files.get(name);
    clearTimeout(this.#timers.get(name));
    this.#files.delete(name);
    this.#timers.delete(name);
    const file = await opening?.catch(() => undefined);
    if (!file) return;
    file.isKept = false;
    closeUnused(file);
  }
}

async function openShared(name: string, isKept: boolean): Promise<SharedFile | undefined> {
  // Without waiting for a writer into a pipe.
  const descriptor = await openFile(name, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await statOpen(descriptor);
    if (stats.isFile()) return { descriptor, length: stats.size, users: 0, isKept, isClosed: false };
  } catch (error) {
    close(descriptor);
    throw error;
  }
  close(descriptor);
  return undefined;
}

function useOf(file: SharedFile): FileUse {
  file.users += 1;
  return {
    length: file.length,
    read: (into, maxBytes, position) =>
      new Promise((resolve, reject) => {
        const wanted = Math.min(into.length, maxBytes);
        read(file.descriptor, into, 0, wanted, position, (error, count) => (error ? reject(error) : resolve(count)));
      }),
    release: () => {
      file.users -= 1;
      closeUnused(file);
    },
  };
}

function closeUnused(file: SharedFile): void {
  if (file.users > 0 || file.isKept || file.isClosed) return;
  file.isClosed = true;
  close(file.descriptor);
}
