/**
 * `npm run bench -- delta [--pair OLD NEW]… [--only WORD]… [--json]`: Slipway and its peers side by side. Without
 * --pair it runs the corpus, fetched or built on first use, and writes test/bench/RESULTS.md as it goes. Tables go to
 * stdout, or to stderr with --json, which puts one JSON document on stdout. Peers are those on PATH.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { contestants } from './contestants.ts';
import { type PairResult, resultOf, type Score, score } from './delta.ts';
import { corpusPairs, type Pair } from './pairs.ts';
import { type Circumstances, pairLines, resultsPage } from './results-page.ts';

export interface DeltaWishes {
  /** Files given instead of the corpus. */
  readonly given: readonly Pair[];
  /** Words that a pair of the corpus must contain one of; none for all. */
  readonly only: readonly string[];
  readonly json: boolean;
}

const root = path.join(import.meta.dirname, '../..');

export async function benchDelta({ given, only, json }: DeltaWishes): Promise<void> {
  const { present, missing } = contestants();
  const absent: string[] = [];
  const circumstances: Circumstances = {
    absent,
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    load: loadavg()[0] ?? 0,
    missing,
  };
  const skip = (name: string, reason: string) => {
    absent.push(`${name} (${reason})`);
    process.stderr.write(`not measured: ${absent.at(-1)}\n`);
  };
  if (missing.length > 0) process.stderr.write(`not installed, so not measured: ${missing.join(', ')}\n`);
  const pairs: Pair[] = [];
  for await (const pair of given.length > 0 ? given : corpusPairs(only, skip)) pairs.push(pair);
  const scores = new Map<Pair, Score[]>(pairs.map((pair) => [pair, []]));
  const results = (): PairResult[] => pairs.map((pair) => resultOf(pair, scores.get(pair) ?? []));
  // Contestant by contestant, the slow ones last: a run that is ended early leaves a page with all pairs.
  for (const contestant of present) {
    for (const pair of pairs) {
      process.stderr.write(`${contestant.name}: ${pair.name}\n`);
      scores.get(pair)?.push(await score(pair, contestant));
      if (given.length > 0) continue;
      writeFileSync(path.join(root, 'test/bench/RESULTS.md'), resultsPage(results(), circumstances));
    }
  }
  const table = `${results().flatMap(pairLines).join('\n')}\n`;
  if (json) process.stderr.write(table);
  else process.stdout.write(table);
  if (json) process.stdout.write(`${JSON.stringify({ ...circumstances, results: results() }, null, 2)}\n`);
}
