/**
 * Every call that an update makes of its ports × {it fails, killed before it, killed after it}: the device ends on
 * one whole release, the service runs it, and the update can still be had.
 */
import { truncateSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { devicePhases } from '../../contract/device-api/check.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption, type InterruptionMode } from '../fakes/interruption.ts';
import { isLongRun, isWideRun } from '../sampling.ts';

const modes: readonly InterruptionMode[] = ['fails', 'killed before', 'killed after'];
const shared = bytesOf('shared', 3000);
const patience = 3;
/** A kill after any other call is a kill before the next one. */
const leavesTraces = /^(journal|service|slots)\./;

const files = (version: string) => [
  { path: 'bin/server', bytes: bytesOf(version, 4000) },
  { path: 'share/same', bytes: shared },
  { path: 'share/packed', bytes: bytesOf(`packed ${version}`, 5000) },
];

interface Scenario {
  readonly name: string;
  /** The device before the update; the release it has, if any. */
  readonly hasOld: boolean;
  readonly isSick: boolean;
  /** The switch is bound to a window that opens later. */
  readonly isTimed?: true;
  /** The release runs already, and a file of it is damaged. */
  readonly isDamaged?: true;
  /** No blob can be had until the device has come to rest. */
  readonly isCut?: true;
}

const scenarios: readonly Scenario[] = [
  { name: 'a damaged release with an old one behind it', hasOld: true, isSick: false, isDamaged: true },
  { name: 'a damaged release that cannot be made anew', hasOld: true, isSick: false, isDamaged: true, isCut: true },
  { name: 'a damaged release with nothing behind it', hasOld: false, isSick: false, isDamaged: true },
  { name: 'a good release over an old one', hasOld: true, isSick: false },
  { name: 'a sick release over an old one', hasOld: true, isSick: true },
  { name: 'a good release that waits for its window', hasOld: true, isSick: false, isTimed: true },
  { name: 'a good first release', hasOld: false, isSick: false },
  { name: 'a sick first release', hasOld: false, isSick: true },
];

/** Phases that were under way when an interruption happened, over all runs. */
const interruptedPhases = new Set<string>();

async function prepare({ hasOld, isSick, isTimed, isDamaged, isCut }: Scenario) {
  const edge = new EdgeDevice();
  let old: string | undefined;
  if (hasOld) {
    const first = edge.publish('1.0.0', 1, files('1.0.0'));
    edge.server.offered = first.manifest;
    old = first.digest;
    const device = edge.start();
    await device.recover(never);
    await device.check(never);
    expect(device.state.current?.version).toBe('1.0.0');
  }
  const next = edge.publish('2.0.0', 2, files('2.0.0'));
  if (isSick) edge.service.sick.add(next.digest);
  edge.server.offered = next.manifest;
  if (isDamaged) {
    const device = edge.start();
    await device.recover(never);
    await device.check(never);
    truncateSync(path.join(edge.stateDirectory, 'slots', next.digest, 'bin/server'));
    await edge.service.stop();
  }
  if (isTimed) edge.server.switchWindow = { opensInSeconds: 30, closesInSeconds: 600 };
  const { openBlob } = edge.server;
  const heal = () => {
    edge.server.openBlob = openBlob;
  };
  const cut = () => {
    if (isCut) edge.server.openBlob = () => Promise.reject(new SlipwayError('server-unreachable', 'cut by the test'));
  };
  cut();
  return { edge, old, next: next.digest, cut, heal };
}

async function update(device: Device): Promise<void> {
  await device.recover(never, patience);
  await device.check(never, patience);
  await waitForWindow(device);
}

/** Until the window that the server named is open; the server is not asked again. */
async function waitForWindow(device: Device): Promise<void> {
  const { waiting } = device;
  if (!waiting) return;
  await device.world.clock.sleep(waiting.opensInSeconds ?? 0, never);
  await device.resume(never, patience);
}

/** Without an old release the damaged one goes the same way, only without a last step: `npm run test:long` has it. */
const tried = scenarios.filter(({ isDamaged, hasOld }) => isLongRun || !isDamaged || hasOld);

/** Each kind of call in each mode at its first time, and every twelfth call, in CI every fourth; `npm run test:long` has all. */
const met = new Set<string>();
const isTried = (at: number, mode: InterruptionMode, call: string) => {
  const kind = `${mode} ${call}`;
  const isFirst = !met.has(kind);
  met.add(kind);
  return isLongRun || isFirst || at % (isWideRun ? 4 : 12) === modes.indexOf(mode);
};

for (const scenario of tried) {
  const probe = await prepare(scenario);
  const counter = new Interruption(0, 'fails');
  await update(probe.edge.start({ interruption: counter }));
  probe.edge.remove();
  const total = counter.calls.length;

  describe(scenario.name, () => {
    it('makes calls to be interrupted at', () => {
      expect(total).toBeGreaterThan(30);
    });

    it.each(modes)('ends on one whole release wherever a call %s', async (mode) => {
      const { edge, old, next, cut, heal } = await prepare(scenario);
      using _ = edge;
      const rewind = edge.capture();
      for (let at = 1; at <= total; at++) {
        if (mode === 'killed after' && !leavesTraces.test(counter.calls[at - 1] ?? '')) continue;
        if (!isTried(at, mode, counter.calls[at - 1] ?? '')) continue;
        rewind();
        cut();
        const interruption = new Interruption(at, mode);
        const what = `call ${at} of ${total}, ${counter.calls[at - 1]}, ${mode}`;
        const broken = edge.start({ interruption });
        // How the interrupted process ends is its own matter; what it leaves behind counts.
        await update(broken).catch(() => undefined);
        expect(interruption.hasHappened, what).toBe(true);
        interruptedPhases.add(broken.state.update.phase);

        const device = edge.start();
        await device.recover(never, patience);
        // What waited does not know its window any more: it does not switch by itself.
        if (device.waiting) {
          expect(scenario.isTimed, what).toBe(true);
          expect(device.waiting.opensInSeconds, what).toBeUndefined();
          await device.resume(never, patience);
          expect(device.waiting, what).toBeDefined();
          expect(edge.slots.currentLink, what).toBe(old);
        }
        if (scenario.isDamaged) {
          // Files of the running release are looked after by the next check, whatever it is answered.
          edge.server.answer = { decision: 'none', reason: 'up-to-date' };
          await device.check(never, patience, 'person');
          edge.server.answer = undefined;
        }
        await expectWhole(edge, device, scenario.isCut ? [old] : [old, next], what);
        heal();

        // Whatever happened, the same release can still be had by a person, or is known to be bad.
        device.forgetRejections();
        await device.check(never, patience, 'person');
        await waitForWindow(device);
        await expectWhole(edge, device, [scenario.isSick ? old : next], what);
        expect(edge.slots.slots().size, what).toBeLessThanOrEqual(2);
      }
    });
  });
}

async function expectWhole(edge: EdgeDevice, device: Device, allowed: (string | undefined)[], what: string) {
  const { slots } = edge;
  const { currentLink } = slots;
  expect(device.state.update.phase, what).toBe(device.waiting ? 'staged' : 'idle');
  expect(allowed, what).toContain(currentLink);
  expect(device.state.current?.manifestSha256, what).toBe(currentLink);
  expect(edge.service.running, what).toBe(currentLink);
  if (currentLink !== undefined) await slots.verify(currentLink);
}

afterAll(() => {
  // Each phase was under way at some interruption.
  expect([...interruptedPhases].sort()).toEqual([...devicePhases].sort());
});
