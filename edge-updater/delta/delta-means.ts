/** Defines what applying a delta may take. */
export interface DeltaMeans {
  /** Of the whole process, with the commands that it runs. */
  readonly maxMemoryBytes: number;
  /** Absolute paths of zstd commands, for frames that Node's libzstd does not write. */
  readonly zstdPrograms: readonly string[];
  /** Threads for one frame, where cores and memory allow them; each beyond the first takes memory besides. */
  readonly maxEncoderThreads: number;
}

/** Where distributions have the command. */
export const defaultZstdPrograms: readonly string[] = ['/usr/bin/zstd'];
