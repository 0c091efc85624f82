/**
 * The crash matrix with each call of the process, and of all that it starts, seen before libc: the changes are replayed and
 * come to what is really there, and each call is a place for a power cut, a kill or a failing disk. `npm test` takes a sample
 * of a few scenarios; `npm run test:long -- crash` takes every place, with one of the faults each, and others each day. What a
 * kill leaves is what the calls before it made, which the replay has: of kills each run takes a sample.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shimFaults, shimMissing } from '../fakes/crash-shim/call-shim.ts';
import { survivals } from '../fakes/volatile-disk.ts';
import { isLongRun } from '../sampling.ts';
import { describeUnless } from '../services/requirement.ts';
import { CrashPoints } from './crash-points.ts';
import { chosen, printSample, randomOf, sampleOf } from './crash-sample.ts';
import { crashScenarios } from './crash-scenarios.ts';
import { ShimLives } from './shim-lives.ts';
import { ShimPoints } from './shim-points.ts';

const inEachRun = ['adopting a box', 'going back with the data'];
const scenarios = crashScenarios.filter(({ name }) => isLongRun || inEachRun.includes(name));
const killsOfScenario = isLongRun ? 25 : 1;
const diskFaults = shimFaults.filter((fault) => fault !== 'kill');

describeUnless(shimMissing, 'under the shim', () => {
  let lives: ShimLives;
  const tried = { cuts: 0, kills: 0, failures: 0 };
  beforeAll(async () => {
    lives = await ShimLives.prepare();
  });
  afterAll(() => {
    const { cuts, kills, failures } = tried;
    printSample(`under the shim ${cuts} cuts, ${kills} kills, ${failures} failing calls`);
    lives.remove();
  });

  it.each(scenarios)('$name comes to a whole end', { timeout: 7_200_000 }, async (scenario) => {
    const shimmed = new ShimPoints(lives, scenario);
    const points = await CrashPoints.of(scenario, shimmed);
    expect(shimmed.callsOfUpdater.length).toBeGreaterThan(5);
    const random = randomOf(`${scenario.name} under the shim`);
    const oneOf = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T;
    for (const index of chosen(points.cuts, 1, random)) {
      tried.cuts++;
      await points.cutOff(index, oneOf(survivals), random);
    }
    for (const call of sampleOf(shimmed.calls, killsOfScenario, random)) {
      tried.kills++;
      await shimmed.killAt(points.machine, call, random);
    }
    for (const call of chosen(shimmed.callsOfUpdater, 1, random)) {
      tried.failures++;
      await shimmed.failAt(points.machine, call, oneOf(diskFaults));
    }
    points.machine.remove();
  });
});
