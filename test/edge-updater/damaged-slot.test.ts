/** Damage to the running release on real files: noticed, repaired from its own manifest, or left for the previous one. */
import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never, quickPolicy } from '../fakes/edge-device.ts';
import { troublesOf } from '../fakes/troubles-told.ts';

let edge: EdgeDevice;
let old: string;
let current: string;
const bin = bytesOf('bin 2', 5000);
const shared = bytesOf('shared', 3000);

beforeEach(async () => {
  edge = new EdgeDevice();
  const device = await start();
  old = await install(device, '1.0.0', 1, bytesOf('bin 1', 5000));
  current = await install(device, '2.0.0', 2, bin);
  edge.server.reports.clear();
});
afterEach(() => edge.remove());

async function start(policy = quickPolicy): Promise<Device> {
  const device = edge.start({ policy });
  await device.recover(never);
  return device;
}

async function install(device: Device, version: string, counter: number, bytes: Uint8Array): Promise<string> {
  const { manifest, digest } = edge.publish(version, counter, [
    { path: 'bin', bytes },
    { path: 'shared', bytes: shared },
    { path: 'packed', bytes: bytesOf(`packed ${version}`, 2000) },
  ]);
  edge.server.offered = manifest;
  expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  return digest;
}

const file = (name: string, slot = current) => path.join(edge.stateDirectory, 'slots', slot, name);
const reports = () => [...edge.server.reports.values()];
const flip = (name: string) => {
  const bytes = readFileSync(file(name));
  bytes.writeUInt8(bytes.readUInt8(7) ^ 1, 7);
  writeFileSync(file(name), bytes);
};
async function expectRepaired(device: Device): Promise<void> {
  await edge.slots.verify(current);
  expect(edge.service.running).toBe(current);
  expect(edge.slots.currentLink).toBe(current);
  expect(edge.slots.previousLink).toBe(old);
  expect(device.state).toMatchObject({ current: { version: '2.0.0' }, previous: { version: '1.0.0' }, rejected: [] });
  expect(device.state).toMatchObject({ counterFloor: 2, update: { phase: 'idle' } });
}

describe('a device whose running release', () => {
  const damages: [string, () => void][] = [
    ['has lost its binary', () => rmSync(file('bin'))],
    ['has an empty binary', () => truncateSync(file('bin'))],
    ['has a binary with one bit changed', () => flip('bin')],
    ['has a binary with another mode', () => chmodSync(file('bin'), 0o600)],
    ['has lost its manifest', () => rmSync(file('release.json'))],
    ['has a changed manifest', () => appendFileSync(file('release.json'), ' ')],
    ['has lost everything', () => rmSync(path.dirname(file('bin')), { recursive: true })],
  ];

  it.each(damages)('%s makes it anew from the same manifest, and reports it', async (_, damage) => {
    await edge.service.stop();
    damage();
    const device = await start();
    await device.check(never);
    await expectRepaired(device);
    const [first, last] = [reports()[0], reports().at(-1)];
    expect(first).toMatchObject({ version: '2.0.0', phase: 'downloading', code: 'slot-damaged', fault: 'device' });
    expect(last).toMatchObject({ version: '2.0.0', outcome: 'committed', attempt: first?.attempt });
    expect(reports().some(({ rollout }) => rollout !== undefined)).toBe(false);
  });

  it.each(damages)('%s while the service runs is found by the next read', async (_, damage) => {
    const device = await start();
    await device.check(never);
    damage();
    edge.clock.advance(quickPolicy.verifyIntervalSeconds);
    await device.check(never);
    await expectRepaired(device);
  });

  it('is visibly damaged is not started before it is whole', async () => {
    await edge.service.stop();
    truncateSync(file('bin'));
    const { starts } = edge.service;
    await start();
    expect([edge.service.starts, edge.service.running]).toEqual([starts, undefined]);
  });

  it('has one damaged file fetches that one alone', async () => {
    flip('bin');
    const device = await start();
    await device.check(never);
    expect(device.state.lastAttempt).toMatchObject({
      ...{ source: { kind: 'repair' }, outcome: 'committed', transfer: { bytesOnWire: bin.length } },
    });
  });

  it('has damage in a file that the previous release has too fetches nothing', async () => {
    rmSync(file('shared'));
    edge.server.blobs.clear();
    const device = await start();
    await device.check(never);
    await expectRepaired(device);
    expect(device.state.lastAttempt?.transfer.bytesOnWire).toBe(0);
  });

  it('is whole, with files that the service wrote beside it, is left alone', async () => {
    writeFileSync(file('core.1234'), 'dump');
    const device = await start();
    const { starts } = edge.service;
    await device.check(never);
    expect([edge.service.starts, reports()]).toEqual([starts, []]);
  });

  it('is read at the start, once a day, and when its service does not run', async () => {
    const device = await start();
    const { slots } = device.world;
    const findDamage = slots.findDamage.bind(slots);
    let reads = 0;
    slots.findDamage = (slot) => {
      reads++;
      return findDamage(slot);
    };
    const readsAfter = async (seconds: number) => {
      edge.clock.advance(seconds);
      await device.check(never);
      return reads;
    };
    expect(await readsAfter(0)).toBe(1);
    expect(await readsAfter(900)).toBe(1);
    expect(await readsAfter(24 * 3600)).toBe(2);
    expect(await readsAfter(900)).toBe(2);
    await edge.service.stop();
    expect(await readsAfter(900)).toBe(3);
    // It was whole, so its service was started again.
    expect(edge.service.running).toBe(current);
    edge.service.dead.add(current);
    await edge.service.stop();
    expect(await readsAfter(900)).toBe(4);
    // One that stays down is started at each check, and read once.
    expect(await readsAfter(900)).toBe(4);
    edge.service.dead.clear();
    expect(await readsAfter(900)).toBe(4);
    expect(edge.service.running).toBe(current);
  });

  it('is damaged while an update waits for its window is repaired first, and the update is offered again', async () => {
    const device = await start();
    edge.server.switchWindow = { opensInSeconds: 100, closesInSeconds: 200_000 };
    const next = edge.publish('3.0.0', 3, [{ path: 'bin', bytes: bytesOf('bin 3', 5000) }]);
    edge.server.offered = next.manifest;
    await device.check(never);
    expect(device.waiting).toMatchObject({ version: '3.0.0' });
    truncateSync(file('bin'));
    edge.clock.advance(quickPolicy.verifyIntervalSeconds);
    edge.repository.publish(new Date(edge.clock.now()));
    await device.check(never);
    await edge.slots.verify(current);
    expect(device.waiting).toMatchObject({ version: '3.0.0' });
  });
});

describe('a rebuild that is not possible', () => {
  const unreachable = () => Promise.reject(new SlipwayError('server-unreachable', 'the test cut the line'));

  it('gives way to the previous release after three requests, without a rejection', async () => {
    await edge.service.stop();
    flip('bin');
    let asked = 0;
    edge.server.openBlob = () => {
      asked++;
      return unreachable();
    };
    edge.server.answer = { decision: 'none', reason: 'up-to-date' };
    const device = await start();
    await device.check(never);
    expect(asked).toBe(3);
    expect(device.state).toMatchObject({
      current: { version: '1.0.0' },
      rejected: [],
      counterFloor: 2,
      known: [current],
    });
    expect([edge.service.running, edge.slots.currentLink]).toEqual([old, old]);
    expect(reports().at(-1)).toMatchObject({ outcome: 'rolled-back', code: 'slot-damaged', fault: 'device' });
    expect(edge.server.checks.at(-1)).toMatchObject({ rejected: [], current: { version: '1.0.0' } });
  });

  it('does not keep the damaged release away: it is installed again later, at the counter that it has', async () => {
    flip('bin');
    const { openBlob } = edge.server;
    edge.server.openBlob = unreachable;
    const device = await start();
    await device.check(never);
    expect(device.state.current?.version).toBe('1.0.0');
    edge.server.openBlob = openBlob;
    edge.clock.advance(3600);
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', version: '2.0.0' });
    await edge.slots.verify(current);
  });

  it('for a manifest that is nowhere gives way as well', async () => {
    await edge.service.stop();
    rmSync(file('release.json'));
    edge.server.manifest = unreachable;
    edge.server.answer = { decision: 'none', reason: 'up-to-date' };
    const device = await start();
    await device.check(never);
    expect([edge.service.running, device.state.rejected]).toEqual([old, []]);
  });

  it('stays when the previous release is damaged too, tells of it in each check, and heals when it can', async () => {
    await edge.service.stop();
    flip('bin');
    rmSync(file('bin', old));
    const { openBlob } = edge.server;
    edge.server.openBlob = unreachable;
    const device = await start();
    for (let poll = 0; poll < 3; poll++) {
      await device.check(never);
      const check = edge.server.checks.at(-1);
      expect(check && troublesOf(check).map(({ code }) => code)).toContain('slot-damaged');
      edge.clock.advance(900);
    }
    expect(device.state.current?.version).toBe('2.0.0');
    // Reported once; a service that starts with damaged files is better than none.
    expect(reports().map(({ outcome, code }) => outcome ?? code)).toEqual(['slot-damaged', 'failed']);
    expect(edge.service.running).toBe(current);
    edge.server.openBlob = openBlob;
    await device.check(never);
    await edge.slots.verify(current);
    await device.check(never);
    expect(edge.server.checks.at(-1)).toMatchObject({ troubles: [] });
  });

  it('for a byte budget gives way as well: policy applies', async () => {
    flip('bin');
    edge.server.answer = { decision: 'none', reason: 'up-to-date' };
    const device = await start({ ...quickPolicy, maxBytesPerUpdate: 100 });
    await device.check(never);
    expect(device.state.current?.version).toBe('1.0.0');
    expect(reports().at(-1)?.message).toContain('budget-exceeded');
  });
});

describe('a slot that is replaced', () => {
  it('has its name again after a kill in the middle', async () => {
    const folder = path.dirname(file('bin'));
    renameSync(folder, path.join(path.dirname(folder), `.replaced-${current}`));
    const device = await start();
    expect(readdirSync(path.dirname(folder)).sort()).toEqual([old, current].sort());
    await device.check(never);
    await expectRepaired(device);
    expect(reports()).toEqual([]);
  });
});

describe('a release that was rolled back by hand', () => {
  it('can be had again at the very counter that was committed, once its rejection is lifted', async () => {
    const device = await start();
    await device.rollBack(never);
    expect(device.state.rejected).toMatchObject([{ version: '2.0.0' }]);
    await device.check(never);
    expect(edge.server.checks.at(-1)?.rejected).toEqual([current]);
    device.forgetRejections();
    expect((await device.check(never, undefined, 'person')).attempt).toMatchObject({ outcome: 'committed' });
    expect(edge.server.checks.at(-1)?.rejected).toEqual([]);
    expect(device.state).toMatchObject({ current: { version: '2.0.0' }, counterFloor: 2 });
  });
});
