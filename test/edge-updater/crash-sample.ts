/** Which points of the crash matrix are tried: all of them in the long tests, else a sample by a seed. */
import { sha256 } from '../../contract/digest.ts';
import { isLongRun } from '../sampling.ts';

/** The same in each `npm test`, another one each day in long runs; `SLIPWAY_SEED` chooses one. */
const usual = isLongRun ? new Date().toISOString().slice(0, 10) : '2026-11-29';
const seed = process.env.SLIPWAY_SEED ?? usual;

/** In [0, 1), the same for the same seed and name. */
export function randomOf(name: string): () => number {
  let count = 0;
  return () => Number.parseInt(sha256(Buffer.from(`${seed}/${name}/${count++}`)).slice(0, 8), 16) / 2 ** 32;
}

/** All in a long run, else a sample. */
export function chosen<T>(all: readonly T[], count: number, random: () => number): T[] {
  return isLongRun ? [...all] : sampleOf(all, count, random);
}

/** One out of each of so many equal parts. */
export function sampleOf<T>(all: readonly T[], count: number, random: () => number): T[] {
  if (all.length <= count) return [...all];
  const part = all.length / count;
  return Array.from({ length: count }, (_, index) => all[Math.floor((index + random()) * part)] as T);
}

/** For whoever wants the same sample again. */
export function printSample(what: string): void {
  process.stderr.write(`crash matrix: ${what}, SLIPWAY_SEED=${seed}\n`);
}
