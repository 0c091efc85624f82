/** The bench of deltas: every contestant on every pair, each result compared with the new file. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileDigest } from '../corpus/cache.ts';
import type { CommandLine, Contestant } from './contestants.ts';
import { type Measured, measuredRun } from './measured-run.ts';
import type { Pair } from './pairs.ts';

/** A decoding is short: one run says little. */
const decodeRuns = 3;

export interface Score {
  readonly contestant: string;
  /** Undefined when it failed; see `failure`. */
  readonly deltaBytes?: number;
  readonly encode?: Measured;
  readonly decode?: Measured;
  readonly failure?: string;
}

export interface PairResult {
  readonly name: string;
  readonly oldBytes: number;
  readonly newBytes: number;
  /** `isMet` is undefined while Slipway was not measured. */
  readonly target: { readonly bytes: number; readonly isMet: boolean | undefined } | undefined;
  readonly scores: readonly Score[];
}

export function resultOf(pair: Pair, scores: readonly Score[]): PairResult {
  const bytes = targetOf(pair, scores);
  const own = scores.find(({ contestant }) => contestant === 'slipway');
  const isMet = own === undefined ? undefined : own.deltaBytes !== undefined && own.deltaBytes <= (bytes ?? 0);
  return {
    name: pair.name,
    oldBytes: statSync(pair.old).size,
    newBytes: statSync(pair.new).size,
    target: bytes === undefined ? undefined : { bytes, isMet },
    scores,
  };
}

function targetOf({ targetBytes, targetOf: relative }: Pair, scores: readonly Score[]): number | undefined {
  if (targetBytes !== undefined || relative === undefined) return targetBytes;
  const peers = scores.filter(({ contestant }) =>
    relative.peer === '*' ? contestant !== 'slipway' : contestant === relative.peer,
  );
  const sizes = peers.flatMap(({ deltaBytes }) => deltaBytes ?? []);
  return sizes.length === 0 ? undefined : Math.floor(Math.min(...sizes) * relative.factor);
}

/** One contestant on one pair. */
export async function score(pair: Pair, contestant: Contestant): Promise<Score> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const files = { old: pair.old, new: pair.new, delta: join(folder, 'delta'), rebuilt: join(folder, 'rebuilt') };
  try {
    const encode = await run(contestant.encode(files));
    const decode = await bestOf(decodeRuns, contestant.decode(files), files.rebuilt);
    if (fileDigest(files.rebuilt) !== fileDigest(pair.new)) throw new Error('it does not give the new file back');
    return { contestant: contestant.name, deltaBytes: statSync(files.delta).size, encode, decode };
  } catch (error) {
    return { contestant: contestant.name, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The shortest times of several runs, which other work on the machine disturbs least, and the largest peak. */
async function bestOf(runs: number, command: CommandLine, output: string): Promise<Measured> {
  const measured: Measured[] = [];
  for (let i = 0; i < runs; i++) {
    rmSync(output, { force: true });
    measured.push(await run(command));
  }
  return {
    seconds: Math.min(...measured.map(({ seconds }) => seconds)),
    cpuSeconds: Math.min(...measured.map(({ cpuSeconds }) => cpuSeconds)),
    peakRssBytes: Math.max(...measured.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

function run([command, ...args]: CommandLine): Promise<Measured> {
  return measuredRun(command, args);
}
