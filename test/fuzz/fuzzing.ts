/** Feeds damaged documents to a parser, and watches what each costs. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { chanceOf, mutated } from './mutate.ts';
import { outcomeOfParsing, type Parser } from './parsers.ts';

const maxCpuSeconds = 1;
const maxGrowthBytes = 64 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * @returns how often each outcome came
 * @throws Error that names the parser and the seed of an input that ends otherwise than by a code, takes more than a second
 *   of CPU, or leaves memory behind
 */
export async function fuzz(parser: Parser, seed: number, count: number): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  collect();
  const before = process.memoryUsage();
  for (let at = 0; at < count; at++) {
    const bytes = mutated(parser.samples, chanceOf(seed + at));
    const begin = process.cpuUsage();
    const outcome = await outcomeOfParsing(parser, bytes).catch((error: unknown) => {
      throw new Error(`${parser.name}, seed ${seed + at}: ${bytes.toString('base64').slice(0, 4000)}`, {
        cause: error,
      });
    });
    const { user, system } = process.cpuUsage(begin);
    if ((user + system) / 1e6 > maxCpuSeconds)
      throw new Error(`${parser.name}, seed ${seed + at} takes more than a second`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  let growth = Number.POSITIVE_INFINITY;
  // What is outside of the heap is given back by and by.
  for (let tries = 0; tries < 10 && growth > maxGrowthBytes; tries++) {
    collect();
    await setImmediate();
    const after = process.memoryUsage();
    growth = after.heapUsed + after.external - before.heapUsed - before.external;
  }
  if (growth > maxGrowthBytes) throw new Error(`${parser.name}, seeds from ${seed}: ${growth} bytes are left behind`);
  return outcomes;
}
