/** A box that an operator took back from a release that had migrated its data: that data lies aside. */
import { expect } from 'vitest';
import type { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { never } from '../fakes/edge-device.ts';
import { allScenarios, prepareBox } from './updated-box.ts';

type Rows = ReturnType<AdoptedBox['dump']>;

export async function rolledBackByHand() {
  const found = await prepareBox(allScenarios[0]);
  const { edge, box, old, next } = found;
  await update(startOf(edge, box));
  expect(box.running).toBe(next);
  const ofNext = box.dump();
  const device = startOf(edge, box);
  await device.recover(never, patience);
  await device.rollBack(never, patience);
  expect(box.running).toBe(old);
  expect(device.state.setAside?.release.manifestSha256).toBe(next);
  return { ...found, rows: { old: box.dump(), next: ofNext } };
}

/** Each release has the rows that it had when it was left, and after them its own alone; its settings are its own, too. */
export function expectRowsOf(
  box: AdoptedBox,
  { old, next }: { readonly old: string; readonly next: string },
  rows: { readonly old: Rows; readonly next: Rows },
  what: string,
): void {
  const isOld = box.running === old;
  const before = isOld ? rows.old : rows.next;
  const after = box.dump();
  expect(after.slice(0, before.length), what).toEqual(before);
  expect(new Set(after.slice(before.length).map(({ writer }) => writer)), what).toEqual(
    after.length === before.length ? new Set() : new Set([isOld ? old : next]),
  );
  expect(box.configuration, what).toEqual(
    isOld ? ['of the old release', 0o640, ['a.yaml']] : [`for ${next}`, 0o640, ['a.yaml', 'b.yaml']],
  );
}
