/**
 * Estimates how much memory libzstd takes to write a frame again: an upper bound for a device that decides whether it
 * can. After ZSTD_defaultCParameters and ZSTDMT_computeTargetJobLog of libzstd 1.5; checked against measurements, not
 * exact.
 */
import { type Recipe, zstdNodes } from './recipe.ts';
import type { ZstdSettings } from './zstd-settings.ts';

/** Logarithms of chain and hash table by level, for content of unknown or more than 256 KiB length. */
const tables: readonly (readonly [chain: number, hash: number])[] = [
  ...([
    [16, 17],
    [13, 14],
    [15, 16],
    [16, 17],
    [18, 18],
    [18, 19],
    [18, 19],
    [19, 20],
    [19, 20],
    [20, 21],
    [21, 22],
  ] as const),
  ...([
    [21, 22],
    [22, 23],
    [22, 22],
    [22, 23],
    [23, 23],
    [22, 22],
    [23, 22],
    [23, 22],
    [24, 22],
  ] as const),
  ...([
    [25, 23],
    [26, 24],
    [27, 25],
  ] as const),
];
const maxLevel = tables.length - 1;
/** Levels from here on search with binary trees, whose chain table has two entries a position. */
const firstTreeLevel = 13;
/** The three-byte hash, the optimal parser's statistics, blocks, and what the library keeps beside. */
const otherBytes = 4 * 1024 * 1024;

/** Bytes that one encoder needs with a single worker, its own threads included; not those of the process around it. */
export function zstdMemoryBytes(settings: ZstdSettings): number {
  const { windowLog, longDistance, jobs } = settings;
  const { tableBytes, jobBytes } = sizesOf(settings);
  const longBytes = longDistance ? 8 * 2 ** Math.max(6, windowLog - 7) : 0;
  const window = 2 ** windowLog;
  if (!jobs) return tableBytes + longBytes + window + otherBytes;
  // Input waits in a ring of the window and three jobs; each job has room for its output, one being written.
  return tableBytes + longBytes + window + 3 * jobBytes + 2 * jobBytes + otherBytes;
}

/**
 * Bytes that each further worker takes: tables of its own, a job's input that waits and its output. The window and what was
 * found far back are shared.
 * @returns undefined where there is no frame with jobs, which more workers would do nothing for
 */
export function furtherWorkerBytes(recipe: Recipe): number | undefined {
  const each = zstdNodes(recipe.nodes).flatMap(({ zstd }) => (zstd.jobs ? [workerBytes(zstd)] : []));
  return each.length === 0 ? undefined : Math.max(...each);
}

function workerBytes(settings: ZstdSettings): number {
  const { tableBytes, jobBytes } = sizesOf(settings);
  return tableBytes + 2 * jobBytes;
}

function sizesOf({ level, windowLog, longDistance }: ZstdSettings) {
  const [chain, hash] = tables[Math.min(Math.max(level, 0), maxLevel)] ?? [16, 17];
  const isTree = level >= firstTreeLevel;
  const chainLog = Math.min(chain, isTree ? windowLog + 1 : windowLog);
  const jobLog = longDistance ? Math.max(21, chainLog - (isTree ? 1 : 0) + 3) : Math.max(20, windowLog + 2);
  return {
    tableBytes: 4 * (2 ** chainLog + 2 ** Math.min(hash, windowLog + 1)),
    jobBytes: 2 ** Math.min(jobLog, 30),
  };
}
