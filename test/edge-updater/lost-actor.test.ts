/** A box whose actor is gone for good in the middle of an update runs again, where its data is known to be whole. */
import { expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import type { BoxData } from '../../edge-updater/adoption/box-data.ts';
import type { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { type EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption } from '../fakes/interruption.ts';
import { allScenarios, expectWholeBox, prepareBox } from './updated-box.ts';

/** The hold and what can be seen are the updater's own; all else is asked for. */
const asked = ['owner', 'claim', 'measure', 'snapshot', 'snapshotOf', 'putBack', 'setAside', 'finishExchange'] as const;

/** @param until the question that is not answered any more, nor is any later one */
function withActorLost(data: BoxData, until: (typeof asked)[number], when: () => boolean) {
  const lost = { isLost: false };
  const acted = new Proxy(data, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === until && when()) lost.isLost = true;
        if (lost.isLost && (asked as readonly unknown[]).includes(name)) {
          return Promise.reject(new SlipwayError('actor-unavailable', 'nobody answers'));
        }
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return { acted, lost };
}

function deviceOf(edge: EdgeDevice, box: AdoptedBox, data: BoxData) {
  return edge.start({ service: box, data, payloads: box.payloads });
}

it.each([
  ['when the copy is to be made', 'snapshot'],
  ['when the new release is to claim the data', 'claim'],
] as const)('%s: the release before runs on, and the way back is ended later', async (_, until) => {
  const { edge, box, old, next } = await prepareBox(allScenarios[0]);
  using __ = edge;
  const { starts } = box;
  const { acted, lost } = withActorLost(box.data, until, () => box.data.isHeld);
  const device = deviceOf(edge, box, acted);
  await device.recover(never, patience);
  await expect(device.check(never, patience)).rejects.toMatchObject({ code: 'actor-unavailable' });
  expect([box.running, box.data.isHeld, edge.slots.currentLink]).toEqual([old, false, old]);
  expect(box.starts).toBe(starts + 1);
  expect(device.state.update.phase).toBe('rolling-back');
  // It goes on so as long as nobody answers, and starts nothing twice.
  await expect(device.resume(never, patience)).rejects.toMatchObject({ code: 'actor-unavailable' });
  expect([box.running, box.starts]).toEqual([old, starts + 1]);

  lost.isLost = false;
  const later = startOf(edge, box);
  await later.recover(never, patience);
  await expectWholeBox(edge, box, later, { old, allowed: [old] }, until);
  expect(later.state.held).toMatchObject([{ manifestSha256: next, code: 'actor-unavailable' }]);
});

it('before an updater that was killed starts again: what it held runs on', async () => {
  const { edge, box, old } = await prepareBox(allScenarios[0]);
  using _ = edge;
  const kill = new Interruption(0, 'fails');
  const rewind = edge.capture();
  await startOf(edge, box, kill).check(never, patience);
  rewind();
  box.running = old;
  const at = kill.calls.indexOf('data.snapshot') + 1;
  await startOf(edge, box, new Interruption(at, 'killed before'))
    .check(never, patience)
    .catch(() => undefined);
  expect([box.running, box.data.isHeld]).toEqual([undefined, true]);
  const { acted, lost } = withActorLost(box.data, 'finishExchange', () => true);
  lost.isLost = true;
  const device = deviceOf(edge, box, acted);
  await expect(device.recover(never, patience)).rejects.toMatchObject({ code: 'actor-unavailable' });
  expect([box.running, box.data.isHeld]).toEqual([old, false]);
  lost.isLost = false;
  const later = startOf(edge, box);
  await update(later);
  await expectWholeBox(edge, box, later, { old, allowed: [later.state.current?.manifestSha256 ?? ''] }, 'later');
});

it('before a release that is not well is left: that runs on, since nobody could give its data back', async () => {
  const { edge, box, old, next } = await prepareBox(allScenarios[1]);
  using _ = edge;
  const { acted, lost } = withActorLost(box.data, 'owner', () => box.running === next);
  const device = deviceOf(edge, box, acted);
  await device.recover(never, patience);
  await expect(device.check(never, patience)).rejects.toMatchObject({ code: 'actor-unavailable' });
  expect([box.running, box.data.isHeld, device.state.update.phase]).toEqual([next, false, 'rolling-back']);
  lost.isLost = false;
  const later = startOf(edge, box);
  await later.recover(never, patience);
  await expectWholeBox(edge, box, later, { old, allowed: [old] }, 'later');
});

it('in the middle of giving data back: the hold stays, since half of each set is no data', async () => {
  const { edge, box, old } = await prepareBox(allScenarios[1]);
  using _ = edge;
  const { acted, lost } = withActorLost(box.data, 'putBack', () => true);
  const device = deviceOf(edge, box, acted);
  await device.recover(never, patience);
  await expect(device.check(never, patience)).rejects.toMatchObject({ code: 'actor-unavailable' });
  expect([box.running, box.data.isHeld]).toEqual([undefined, true]);
  lost.isLost = false;
  const later = startOf(edge, box);
  await later.recover(never, patience);
  await expectWholeBox(edge, box, later, { old, allowed: [old] }, 'later');
});
