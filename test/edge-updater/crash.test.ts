/**
 * Each scenario × {a kill, a power cut by what survives it} × a second one while that is put right: the device comes to
 * one whole release over its own data. `npm test` takes a sample by a seed that it prints; `npm run test:long -- crash`
 * takes all.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { survivals } from '../fakes/volatile-disk.ts';
import { isWideRun } from '../sampling.ts';
import { CrashPoints } from './crash-points.ts';
import { inThisProcess } from './crash-recorder.ts';
import { chosen, printSample, randomOf } from './crash-sample.ts';
import { crashScenarios, orderOnly } from './crash-scenarios.ts';

const cutsOfSurvival = isWideRun ? 3 : 2;
let tried = 0;

afterAll(() => printSample(`${tried} cuts`));

it.each(orderOnly)('$name keeps the order of its changes', async (scenario) => {
  (await CrashPoints.of(scenario, inThisProcess)).machine.remove();
});

describe.each(crashScenarios)('$name', (scenario) => {
  it('comes to a whole end wherever it is cut off', { timeout: 3_600_000 }, async () => {
    const points = await CrashPoints.of(scenario, inThisProcess);
    expect(points.cuts.length).toBeGreaterThan(5);
    for (const survival of survivals) {
      const random = randomOf(`${scenario.name} ${survival}`);
      for (const index of chosen(points.cuts, cutsOfSurvival, random)) {
        tried++;
        await points.cutOff(index, survival, random);
      }
    }
    points.machine.remove();
  });
});
