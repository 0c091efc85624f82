/**
 * `npm run bench -- delta [--pair OLD NEW]… [--only WORD]… [--json]`: Slipway and its peers side by side. Without
 * --pair it runs the corpus, fetched or built on first use, and writes test/bench/RESULTS.md as it goes. Tables go to
 * stdout, or to stderr with --json, which puts one JSON document on stdout. Peers are those on PATH.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { contestants } from './contestants.ts';
import { type PairResult, resultOf, type Score, score } from './delta.ts';
import { corpusPairs, type Pair } from './pairs.ts';
import { type Circumstances, pairLines, resultsPage } from './results-page.ts';

const [what, ...args] = process.argv.slice(2);
if (what !== 'delta') usage();
const given: Pair[] = [];
const only: string[] = [];
let json = false;
for (let i = 0; i < args.length; i++) {
  const [word, first, second] = args.slice(i, i + 3);
  if (word === '--json') json = true;
  else if (word === '--only' && first !== undefined) {
    only.push(first);
    i += 1;
  } else if (word === '--pair' && first !== undefined && second !== undefined) {
    given.push({ name: `${path.basename(first)} → ${path.basename(second)}`, old: first, new: second });
    i += 2;
  } else usage();
}

const root = path.join(import.meta.dirname, '../..');
const { present, missing } = contestants();
const absent: string[] = [];
const circumstances: Circumstances = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  node: process.versions.node,
  load: loadavg()[0] ?? 0,
  missing,
  absent,
};
execFileSync(process.execPath, [path.join(root, 'infra/build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });

const pairs: Pair[] = [];
const skip = (name: string, reason: string) => {
  absent.push(`${name} (${reason})`);
  say(`not measured: ${absent.at(-1)}`);
};
if (missing.length > 0) say(`not installed, so not measured: ${missing.join(', ')}`);
for await (const pair of given.length > 0 ? given : corpusPairs(only, skip)) pairs.push(pair);
const scores = new Map<Pair, Score[]>(pairs.map((pair) => [pair, []]));
const results = (): PairResult[] => pairs.map((pair) => resultOf(pair, scores.get(pair) ?? []));
// Contestant by contestant, the slow ones last: a run that is ended early leaves a page with all pairs.
for (const contestant of present) {
  for (const pair of pairs) {
    say(`${contestant.name}: ${pair.name}`);
    scores.get(pair)?.push(await score(pair, contestant));
    if (given.length > 0) continue;
    writeFileSync(path.join(root, 'test/bench/RESULTS.md'), resultsPage(results(), circumstances));
  }
}
const table = `${results().flatMap(pairLines).join('\n')}\n`;
if (json) process.stderr.write(table);
else process.stdout.write(table);
if (json) process.stdout.write(`${JSON.stringify({ ...circumstances, results: results() }, null, 2)}\n`);

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function usage(): never {
  process.stderr.write('usage: npm run bench -- delta [--pair OLD NEW]… [--only WORD]… [--json]\n');
  process.exit(2);
}
