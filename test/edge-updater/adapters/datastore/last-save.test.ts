/** An attempt that saved the datastore of its cluster a short while ago is answered with that save while it is whole. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { never } from '../../../fakes/edge-device.ts';
import { SavingK3s } from '../../../fakes/saving-k3s.ts';

let dataDir: string;
let k3s: SavingK3s;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'last-save-'));
  k3s = new SavingK3s(dataDir);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const record = () => path.join(dataDir, 'slipway/saved.json');
const first = () => k3s.saved[0] ?? '';
const later = (seconds: number) => Object.assign(k3s, { moment: { ...k3s.moment, seconds: 1000 + seconds } });

describe('an attempt that asks again', () => {
  it.each([0, 1, 600])('after %i s is answered with what it saved', async (seconds) => {
    const saved = await k3s.cluster.save('a-1', never);
    later(seconds);
    expect(await k3s.cluster.save('a-1', never)).toEqual(saved);
    expect(k3s.saved).toEqual([saved?.file]);
  });

  it.each<[string, () => unknown]>([
    ['when ten minutes have passed', () => later(601)],
    ['in another boot, whatever its clock says', () => Object.assign(k3s, { moment: { boot: 'next', seconds: 1001 } })],
    ['where the file is gone', () => rmSync(first())],
    ['where the file was cut', () => truncateSync(first(), 100)],
    ['where the file is no etcd any more', () => writeFileSync(first(), Buffer.alloc(3 * 4096))],
    ['where its record is gone', () => rmSync(record())],
    ['where its record is torn', () => truncateSync(record(), 20)],
  ])('has it saved anew %s', async (_when, change) => {
    await k3s.cluster.save('a-1', never);
    change();
    const again = await k3s.cluster.save('a-1', never);
    expect(k3s.saved).toHaveLength(2);
    expect(again?.file).toBe(k3s.saved[1]);
    expect(await k3s.cluster.save('a-1', never)).toEqual(again);
  });

  it('where the kernel names no boot has it saved anew', async () => {
    k3s.moment = { boot: '', seconds: 1 };
    for (let asked = 0; asked < 2; asked++) await k3s.cluster.save('a-1', never);
    expect(k3s.saved).toHaveLength(2);
  });
});

it('another attempt is not answered with it', async () => {
  for (const attempt of ['a-1', 'a-2', 'a-1']) await k3s.cluster.save(attempt, never);
  expect(k3s.saved).toHaveLength(3);
});

it('a save that cannot be remembered is a save', async () => {
  mkdirSync(path.join(record(), 'in-the-way'), { recursive: true });
  expect(await k3s.cluster.save('a-1', never)).toMatchObject({ file: k3s.saved[0] });
});
