/**
 * Applies a delta in the process that calls it, with the zstd encoders of the machine. It steps back
 * for everything else on the machine and watches the memory of the process and of the commands that it runs.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, constants, setPriority } from 'node:os';
import { SlipwayError } from '../../../contract/errors.ts';
import { applyDelta } from '../../../delta/apply.ts';
import type { ByteSink } from '../../../delta/byte-sink.ts';
import type { ByteSource } from '../../../delta/byte-source.ts';
import { isDecoded, type OpenDelta } from '../../../delta/open-delta.ts';
import { zstdEncoderMissing } from '../../../delta/recipe/zstd-encoders.ts';
import { furtherWorkerBytes } from '../../../delta/recipe/zstd-memory.ts';
import { type WatchedEncoder, zstdEncoderOf } from '../../../delta/recipe/zstd-programs.ts';
import type { DeltaMeans } from '../../delta/delta-means.ts';
import { encoderThreads } from '../../delta/encoder-threads.ts';
import type { DeltaCost, DeltaFiles } from '../../ports.ts';
import { openReadOnly } from '../disk/file-source.ts';
import { freeMemoryBytes } from './free-memory.ts';
import { MemoryWatch } from './memory-watch.ts';
import { PartDirectory } from './part-directory.ts';

interface ApplyHere extends DeltaMeans {
  readonly files: DeltaFiles;
  /** The delta's file, and what openDelta reads from it. */
  readonly delta: ByteSource;
  readonly opened: OpenDelta;
  /** Gets the target, in order. */
  readonly target: ByteSink;
  /** Asked between chunks; throws to stop. */
  readonly checkWanted?: () => void;
}

/**
 * Writes the whole target, or throws.
 * @throws SlipwayError codes of the delta; `disk-full`, `memory-exceeded`, `recipe-encoder-missing`
 */
export async function applyHere(work: ApplyHere): Promise<DeltaCost> {
  const { files, delta, opened, target } = work;
  const furtherBytes = furtherWorkerBytes(opened.target);
  const threads = threadsFor(work, furtherBytes);
  const encoder = zstdEncoderOf(needsOther(opened) ? work.zstdPrograms : [], threads);
  const maxBytes = work.maxMemoryBytes + (threads - 1) * (furtherBytes ?? 0);
  const memory = new MemoryWatch(maxBytes, encoder.rssBytes);
  const checkStopped = () => {
    work.checkWanted?.();
    memory.look();
  };
  checkStopped();
  stepBack();
  const base = openReadOnly(files.base);
  const directory = new PartDirectory(files.scratch);
  let made = 0;
  try {
    refuseWhatIsMissing(opened, directory, encoder);
    const sink = {
      write(chunk: Uint8Array) {
        checkStopped();
        target.write(chunk);
      },
    };
    await applyDelta(base, delta, opened, sink, {
      files: {
        finished: (name, length) => directory.finished(name, length),
        begin(name) {
          if (name.startsWith('new-')) made++;
          return directory.begin(name);
        },
      },
      scratch: () => directory.scratch(),
      encoder,
      checkStopped,
    });
  } finally {
    directory.close();
    base.close();
  }
  const decoded = opened.layout.parts.filter(isDecoded).length;
  const parts = opened.layout.parts.length;
  const resumedParts = parts === 1 ? 0 : decoded - made;
  return { peakRssBytes: memory.peakBytes(), seconds: process.uptime(), parts, resumedParts };
}

function stepBack(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  try {
    // The first to go when the machine runs out of memory (proc(5)).
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not every sandbox lets a process say so.
  }
}

function threadsFor({ maxEncoderThreads, maxMemoryBytes }: DeltaMeans, furtherBytes: number | undefined): number {
  const here = { cores: availableParallelism(), freeBytes: freeMemoryBytes() };
  return encoderThreads({ ...here, allowed: maxEncoderThreads, maxMemoryBytes, furtherBytes });
}

/** Whether frames are to be written by another libzstd than Node's. */
function needsOther({ needs }: OpenDelta): boolean {
  return needs.zstd?.versions.some((version) => version !== process.versions.zstd) === true;
}

function refuseWhatIsMissing({ needs }: OpenDelta, directory: PartDirectory, { versions }: WatchedEncoder): void {
  const missing = needs.zstd?.versions.filter((version) => !versions.includes(version)) ?? [];
  if (missing.length > 0) throw zstdEncoderMissing(missing, versions);
  const free = directory.freeBytes() + directory.leftBytes();
  if (free >= needs.scratchBytes) return;
  const message = `applying the delta needs ${needs.scratchBytes} bytes of free space, there are ${free}`;
  throw new SlipwayError('disk-full', message, { hint: `Free ${needs.scratchBytes - free} bytes.` });
}
