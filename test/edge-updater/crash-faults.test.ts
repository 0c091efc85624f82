/**
 * The scenarios of the crash matrix × {one call fails with EIO or ENOSPC, a disk that stays full or read-only over the next
 * start, writes that take half}: the device comes to one whole release over its own data.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { diskFaults } from '../fakes/file-faults.ts';
import { chosen, printSample, randomOf } from './crash-sample.ts';
import { crashScenarios } from './crash-scenarios.ts';
import { FailingPoints } from './failing-points.ts';

const callsOfFault = 2;
let tried = 0;

afterAll(() => printSample(`${tried} failing calls`));

describe.each(crashScenarios)('$name', (scenario) => {
  it('comes to a whole end wherever the disk fails', { timeout: 3_600_000 }, async () => {
    const points = await FailingPoints.of(scenario);
    expect(points.calls.length).toBeGreaterThan(10);
    for (const fault of diskFaults) {
      for (const call of chosen(points.calls, callsOfFault, randomOf(`${scenario.name} ${fault}`))) {
        tried++;
        await points.failAt(call, fault);
      }
    }
    points.remove();
  });
});
