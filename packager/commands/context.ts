/** Every command is given a context: the outside world as main.ts wired it. */

import type { Progress } from '../../contract/progress.ts';
import type { DeltaEncoder, PartEncoders } from '../../delta/make/ports.ts';
import type { ZstdEncoder } from '../../delta/recipe/ports.ts';
import type { Output } from '../../system/command-line/output.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import type { ManifestRenderer } from '../release/ports.ts';

export interface PackagerContext {
  /** @throws SlipwayError `store-url-invalid` */
  openStore(url: string): Promise<StoreWriter>;
  readonly renderer: ManifestRenderer;
  /** The encoder of this machine, or one sentence why there is none. */
  findEncoder(): { readonly encoder: DeltaEncoder } | { readonly missing: string };
  /**
   * Processes that encode parts of deltas; the caller closes them. @param maxMemoryBytes by default a share of this
   * machine's
   */
  partEncoders(maxMemoryBytes?: number): PartEncoders;
  /**
   * Writes zstd frames again: by the libzstd of Node, and by zstd commands. @param programs paths beside that on PATH
   */
  zstdEncoder(programs?: readonly string[]): ZstdEncoder;
  /** The clock of this machine; decides whether metadata has expired. */
  now(): Date;
  /** The time that signatures are made at: SOURCE_DATE_EPOCH where it is set, else the clock. */
  signingTime(): Date;
  /** Waits a random while before another attempt, longer with each. */
  backOff(attempt: number): Promise<void>;
  /** A new empty folder of the machine for temporary files; removed when the command ends. */
  scratchFolder(): Promise<string>;
  /** @param label what is going on, one or two words */
  progress(label: string): Progress;
  readonly output: Output;
}

/** Runs `work` with a store and lets go of it afterwards. */
export async function withStore<T>(
  context: PackagerContext,
  url: string,
  work: (store: StoreWriter) => Promise<T>,
): Promise<T> {
  const store = await context.openStore(url);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
