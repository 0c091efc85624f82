/**
 * Every call that the update of an adopted box makes of its data, service, slots and journal × {it fails, killed before it,
 * killed after it}: the box ends on one whole release over data that this release wrote, and nothing holds it.
 */
import { describe, expect, it } from 'vitest';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { never } from '../fakes/edge-device.ts';
import { Interruption, type InterruptionMode } from '../fakes/interruption.ts';
import { isLongRun } from '../sampling.ts';
import { expectWholeBox, prepareBox, scenarios } from './updated-box.ts';

const modes: readonly InterruptionMode[] = ['fails', 'killed before', 'killed after'];
/** Calls before the box goes down are those of any update: update-matrix.test.ts has them. */
const isOfBox = (call: string) => /^(data|payloads|service|journal)\.|^slots\.(point|prune)|^health/.test(call);

/** The good one is met call by call in crash.test.ts: here it is in `npm run test:long`. */
const tried = scenarios.filter(({ isSick }) => isLongRun || isSick);

/** Each call in one of the modes; `npm run test:long` has it in all of them. */
const isTried = (at: number, mode: InterruptionMode) => isLongRun || at % modes.length === modes.indexOf(mode);

for (const scenario of tried) {
  const probe = await prepareBox(scenario);
  const counter = new Interruption(0, 'fails');
  const before = probe.edge.capture();
  await update(startOf(probe.edge, probe.box, counter));
  before();
  probe.edge.remove();

  describe(`${scenario.name} on an adopted box`, () => {
    it.each(modes)('ends on one whole release with its own data wherever a call %s', async (mode) => {
      const { edge, box, old, next } = await prepareBox(scenario);
      using _ = edge;
      const rewind = edge.capture();
      let tried = 0;
      for (const [index, call] of counter.calls.entries()) {
        if (!isOfBox(call) || !isTried(index, mode)) continue;
        const { running } = box;
        rewind();
        box.running = running === undefined ? undefined : old;
        box.recount();
        const interruption = new Interruption(index + 1, mode);
        const what = `call ${index + 1}, ${call}, ${mode}`;
        const broken = startOf(edge, box, interruption);
        await update(broken).catch(() => undefined);
        expect(interruption.hasHappened, what).toBe(true);
        tried++;

        const device = startOf(edge, box);
        await device.recover(never, patience);
        await expectWholeBox(edge, box, device, { old, allowed: [old, next] }, what);
        device.forgetRejections();
        await device.check(never, patience, 'person');
        await expectWholeBox(edge, box, device, { old, allowed: [scenario.isSick ? old : next] }, what);
        expect(edge.slots.slots().size, what).toBeLessThanOrEqual(2);
      }
      expect(tried).toBeGreaterThan(8);
    });
  });
}
