/**
 * Finds the libzstd parameters that write a given frame again, by trying them with encoders that devices can have.
 * The first block tells the level apart cheaply; what is left is proved on the whole frame.
 */
import type { ZstdEncoder } from '../../recipe/ports.ts';
import type { ZstdSettings } from '../../recipe/zstd-settings.ts';
import type { FileRange } from '../file-source.ts';
import { Comparison, Differs } from './compare.ts';
import { blockHeaderBytes, blockSize, emptyLastBlock, type ZstdFrame } from './zstd-frame.ts';

/** As publishers use them: K3s 16; the command's default 3; the rest by likelihood. */
const levels = [16, 3, 19, 1, 10, 9, 12, 15, 6, 11, 18, 17, 14, 13, 8, 7, 5, 4, 2, 22, 21, 20];
/** Content that is enough to fill the first block of a frame and make the library write it. */
const firstContentBytes = 1024 * 1024;
/** A frame header and the start of the first block: two frames that agree so far are of one level, mostly. */
const tellingBytes = 2048;
const maxDoubtful = 3;
/** Content for which a frame made with jobs is the same as without: a job of the fastest level has 2 MiB. */
const alikeBytes = 1.5 * firstContentBytes;
/**
 * Versions write first blocks of much the same size at one level, and with or without matches of long distance: the first
 * trials tell which levels are worth trying otherwise.
 */
const nearLevels = 8;

/** What came of writing the start of the content, or all of it. */
interface Trial {
  readonly settings: ZstdSettings;
  /** A byte came out wrong or, of all the content, was missing. */
  readonly differs: boolean;
  /** Bytes that came out right before. */
  readonly matched: number;
  /** Content that went into it. */
  readonly written: number;
  /** Bytes by which the first block is longer or shorter; Infinity where none came. */
  readonly gap: number;
}

/** @returns the settings, or undefined when the encoder does not write these bytes */
export async function findZstdSettings(
  content: FileRange,
  compressed: FileRange,
  frame: ZstdFrame,
  encoder: ZstdEncoder,
): Promise<ZstdSettings | undefined> {
  const start = content.slice(0, Math.min(content.length, firstContentBytes));
  const attempt = (settings: ZstdSettings, part: FileRange) =>
    tryOut(settings, part, compressed, content.length, frame, encoder);
  const prove = async (settings: ZstdSettings, withJobs: 'where-alike' | 'always') => {
    const single = { ...settings, jobs: false };
    const alone = await attempt(single, content);
    if (!alone.differs) return single;
    // A trial with jobs is stopped only when a job ends, which takes seconds.
    if (withJobs === 'where-alike' && alone.written < Math.min(alikeBytes, content.length)) return undefined;
    const jobs = { ...settings, jobs: true };
    return (await attempt(jobs, content)).differs ? undefined : jobs;
  };
  const trials: Trial[] = [];
  for (const version of encoder.versions) {
    for (const settings of candidates(frame, version, trials)) {
      const trial = await attempt(settings, start);
      if (!trial.differs && start.length === content.length) return settings;
      const proved = trial.differs ? undefined : await prove(settings, 'where-alike');
      if (proved !== undefined) return proved;
      trials.push(trial);
    }
  }
  // Jobs see other windows than one thread does, so the right level may differ after its first block.
  const doubtful = trials.filter(({ differs, matched }) => differs && matched >= tellingBytes);
  doubtful.sort((a, b) => b.matched - a.matched);
  for (const { settings } of doubtful.slice(0, maxDoubtful)) {
    const proved = await prove(settings, 'always');
    if (proved !== undefined) return proved;
  }
  return undefined;
}

/** @param trials of the versions before, and of these candidates so far */
function* candidates(frame: ZstdFrame, version: string, trials: readonly Trial[]): Generator<ZstdSettings> {
  if (trials.length > 0) {
    yield* nearest(trials).map((settings) => ({ ...settings, version }));
    return;
  }
  const longDistance = frame.windowLog >= 25;
  for (const level of levels) {
    yield {
      encoder: 'libzstd',
      version,
      level,
      windowLog: frame.windowLog,
      longDistance,
      jobs: false,
      checksum: frame.checksum,
      contentSize: frame.contentLength !== undefined,
    };
  }
  yield* nearest(trials).map((settings) => ({ ...settings, longDistance: !longDistance }));
}

/** Of the first version, whose first blocks were the nearest in size to that of the frame. */
function nearest(trials: readonly Trial[]): ZstdSettings[] {
  const near = trials.filter(({ settings }) => settings.version === trials[0]?.settings.version);
  return near
    .toSorted((a, b) => a.gap - b.gap)
    .slice(0, nearLevels)
    .map(({ settings }) => settings);
}

/** Writes the start of the content, or all of it. */
async function tryOut(
  settings: ZstdSettings,
  start: FileRange,
  compressed: FileRange,
  contentLength: number,
  { headerLength }: ZstdFrame,
  encoder: ZstdEncoder,
): Promise<Trial> {
  const comparison = new Comparison(compressed);
  const headBytes = headerLength + blockHeaderBytes;
  let head = Buffer.alloc(0);
  let written = 0;
  const isAll = start.length === contentLength;
  const trialOf = (differs: boolean): Trial => {
    const [found, expected] = [head, compressed.read(0, headBytes)].map((bytes) =>
      blockSize(bytes.subarray(headerLength)),
    );
    const gap = found === undefined || expected === undefined ? Number.POSITIVE_INFINITY : Math.abs(found - expected);
    return { settings, differs, matched: comparison.matched, written, gap };
  };
  const encoding = encoder.encode(settings, contentLength, compressed.length, (bytes) => {
    if (head.length < headBytes) head = Buffer.concat([head, bytes]).subarray(0, headBytes);
    comparison.take(bytes);
  });
  try {
    for (const chunk of start.chunks()) {
      await encoding.write(chunk);
      written += chunk.length;
    }
    if (isAll) await encoding.finish();
    else await encoding.settle();
  } catch (error) {
    if (!(error instanceof Differs)) throw error;
    // Where the start of the content ends, a command that was not told its size ends the frame.
    return trialOf(isAll || !emptyLastBlock.equals(comparison.wrong.subarray(0, emptyLastBlock.length)));
  } finally {
    encoding.close();
  }
  return trialOf(isAll && !comparison.complete);
}
