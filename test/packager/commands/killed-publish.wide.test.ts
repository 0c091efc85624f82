/** `publish` killed at random moments of a seeded sequence, and run again: the store ends the same. */
import { cp, readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isLongRun } from '../../sampling.ts';
import { contentOf, finished, noise, Workbench } from '../workbench.ts';

/** Kills of `publish`; more of them: `npm run test:long`. */
const rounds = isLongRun ? 10 : 2;

/** Files below a folder, hidden ones too. */
async function fileCount(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true }).catch(() => [])).length;
}

describe('publish killed by SIGKILL', () => {
  it('at random moments ends, run again each time, in the same store content', { timeout: 180_000 }, async () => {
    const bench = await Workbench.open();
    const env = { SOURCE_DATE_EPOCH: String(Math.floor(Date.now() / 1000)) };
    const base = noise(7, 40_000);
    await bench.build('a', { content: base });
    await bench.build('b', { content: `${base} changed`, version: '1.1.0', counter: 2 });
    const publish = (store: string, build: string) => [
      ...['publish', build, '--store', `file://${bench.at(store)}`, '--channel', 'stable', '--keys', 'keys'],
    ];
    const init = [
      'init',
      '--demo',
      '--keys',
      'keys',
      '--product',
      'k3s-edge',
      '--store',
      `file://${bench.at('whole')}`,
    ];
    await bench.must(init, env);
    await bench.must(publish('whole', 'a.build'), env);
    await cp(bench.at('whole'), bench.at('killed'), { recursive: true });
    const before = await fileCount(bench.at('killed'));
    await bench.must(publish('whole', 'b.build'), env);
    const whole = await contentOf(bench.at('whole'));
    const steps = (await fileCount(bench.at('whole'))) - before;
    const random = sequence(20261123);
    const killedAfter: number[] = [];
    // A busy machine may come too late with a kill, or twice at the same file: then there is another round.
    const isEnough = () => new Set(killedAfter).size >= 2;
    for (let round = 0; round < rounds || (round < 10 * rounds && !isEnough()); round++) {
      const name = `killed-${round}`;
      await cp(bench.at('killed'), bench.at(name), { recursive: true });
      // From the first new file on, at a random one and a random moment after it.
      const wanted = before + Math.floor(random() * (steps + 1));
      const child = bench.start(publish(name, 'b.build'), env);
      const ended = finished(child);
      while (child.exitCode === null && (await fileCount(bench.at(name))) < wanted) await immediate();
      for (let turns = Math.floor(random() * 20); turns > 0; turns--) await immediate();
      child.kill('SIGKILL');
      const { status } = await ended;
      if (status === null) killedAfter.push((await fileCount(bench.at(name))) - before);
      await bench.must(publish(name, 'b.build'), env);
      expect(await contentOf(bench.at(name)), `round ${round}`).toEqual(whole);
    }
    expect(isEnough(), `killed after ${killedAfter} files`).toBe(true);
  });
});

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A pseudo-random sequence of numbers from 0 up to 1, the same for the same seed (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
