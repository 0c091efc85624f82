/**
 * Every change to the disk that the update of an adopted box makes × {killed before it, killed inside it, ENOSPC, EIO}, and
 * a second kill while that is put right: the box ends on one whole release over data that this release wrote.
 */
import { describe, expect, it } from 'vitest';
import { never } from '../fakes/edge-device.ts';
import { FileFaults, faultModes } from '../fakes/file-faults.ts';
import { expectWholeBox, isLong, patience, prepareBox, scenarios, startOf, update } from './updated-box.ts';

/** Each n-th change, another share of them in each mode; `npm run test:long` has all. */
const step = isLong ? 1 : 9;

for (const scenario of scenarios) {
  describe(`${scenario.name} on an adopted box`, () => {
    it.each(faultModes)('ends whole wherever a change to the disk is %s', { timeout: 600_000 }, async (mode) => {
      const { edge, box, old, next } = await prepareBox(scenario);
      using _ = edge;
      const rewind = edge.capture();
      const total = await changesOf();
      expect(total).toBeGreaterThan(100);
      for (let at = 1 + faultModes.indexOf(mode); at <= total; at += step) {
        rewind();
        box.running = old;
        box.recount();
        const what = `change ${at} of ${total}, ${mode}`;
        await withFaults(at, mode, what);
        // The power comes back, and goes again while that is put right, at a place that differs from round to round.
        if (at % 2 === 0) await box.boot();
        for (let again = 0; mode === 'killed before' && again < at % 5; again++) {
          await withFaults(1 + ((at + 7 * again) % 23), mode);
          if (again % 2 === 0) await box.boot();
        }
        const device = startOf(edge, box);
        await device.recover(never, patience);
        await expectWholeBox(edge, box, device, { old, allowed: [old, next] }, what);
        device.forgetRejections();
        await device.check(never, patience, 'person');
        await expectWholeBox(edge, box, device, { old, allowed: [scenario.isSick ? old : next] }, what);
      }

      async function changesOf(): Promise<number> {
        using faults = new FileFaults(edge.stateDirectory, 0, mode);
        box.faults = faults;
        await update(startOf(edge, box));
        return faults.seen.length;
      }

      async function withFaults(at: number, kind: typeof mode, what?: string): Promise<void> {
        using faults = new FileFaults(edge.stateDirectory, at, kind);
        box.faults = faults;
        try {
          await update(startOf(edge, box));
        } catch {
          // How the interrupted process ends is its own matter; what it leaves behind counts.
        }
        box.faults = undefined;
        if (what !== undefined) expect(faults.hasHappened, what).toBe(true);
      }
    });
  });
}
