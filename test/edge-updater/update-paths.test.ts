/** Updates on real files: deltas and their failure, damaged slots, budgets, full disks, lost journals, reports. */
import { appendFileSync, chmodSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import type { Component, Delta } from '../../contract/release/manifest.ts';
import type { SlotDirectory } from '../../edge-updater/adapters/disk/slot-directory.ts';
import { bytesOf, EdgeDevice, never, quickPolicy } from '../fakes/edge-device.ts';

let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
});
afterEach(() => edge.remove());

const old = bytesOf('old', 20_000);
const wanted = Buffer.concat([old.subarray(0, 19_000), bytesOf('new', 50)]);

async function start(options: Parameters<EdgeDevice['start']>[0] = {}) {
  const device = edge.start(options);
  await device.recover(never);
  return device;
}

async function installOld() {
  const first = edge.publish('1.0.0', 1, [
    { path: 'bin', bytes: old },
    { path: 'other', bytes: bytesOf('o', 900) },
  ]);
  edge.server.offered = first.manifest;
  const device = await start();
  await device.check(never);
  expect(device.state.current?.version).toBe('1.0.0');
  return first;
}

/** RFC 3284: one window that copies 19,000 bytes of the old file and adds 50. */
function vcdiff(): Uint8Array {
  const variable = (value: number): number[] => {
    const bytes = [value & 0x7f];
    for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
    return bytes;
  };
  const data = [...wanted.subarray(19_000)];
  // Default code table: 19 is COPY of any size in mode SELF, 1 is ADD of any size.
  const instructions = [19, ...variable(19_000), 1, ...variable(50)];
  const addresses = variable(0);
  const inner = [
    ...variable(wanted.length),
    0,
    ...variable(data.length),
    ...variable(instructions.length),
    ...variable(addresses.length),
    ...data,
    ...instructions,
    ...addresses,
  ];
  const window = [1, ...variable(old.length), ...variable(0), ...variable(inner.length), ...inner];
  return Buffer.from([0xd6, 0xc3, 0xc4, 0, 0, ...window]);
}

function publishNew(delta: Uint8Array) {
  const withDelta = (component: Component): Component => {
    if (component.name !== 'part-0') return component;
    const entry: Delta = {
      ...{ encoding: 'identity', format: 'vcdiff', fromSha256: sha256(old) },
      ...{ length: delta.length, sha256: sha256(delta) },
    };
    edge.server.blobs.set(entry.sha256, delta);
    return { ...component, deltas: [entry] };
  };
  const files = [
    { path: 'bin', bytes: wanted },
    { path: 'other', bytes: bytesOf('o', 900) },
  ];
  const next = edge.publish('2.0.0', 2, files, withDelta);
  edge.server.offered = next.manifest;
  return next;
}

describe('a delta', () => {
  it('is all that comes over the wire', async () => {
    await installOld();
    const delta = vcdiff();
    const next = publishNew(delta);
    const { attempt } = await (await start()).check(never);
    expect(attempt).toMatchObject({ outcome: 'committed', transfer: { bytesOnWire: delta.length } });
    expect(attempt?.transfer.fullBytes).toBeGreaterThan(wanted.length);
    expect(readFileSync(path.join(edge.stateDirectory, 'current', 'bin'))).toEqual(wanted);
    await edge.slots.verify(next.digest);
  });

  it('that fails gives way to the whole blob, and the report says so', async () => {
    await installOld();
    const broken = vcdiff().subarray(0, 60);
    publishNew(broken);
    const { attempt } = await (await start()).check(never);
    expect(attempt).toMatchObject({ outcome: 'committed', message: expect.stringContaining('vcdiff-truncated') });
    expect(attempt?.transfer.bytesOnWire).toBe(broken.length + wanted.length);
    expect([...edge.server.reports.values()].at(-1)?.message).toContain('went on without it');
  });

  it('that fails ends the attempt where policy forbids the whole', async () => {
    const first = await installOld();
    publishNew(vcdiff().subarray(0, 60));
    const device = await start({ policy: { ...quickPolicy, allowFullAfterDeltaFailure: false } });
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({ outcome: 'failed', code: 'full-download-forbidden' });
    expect(attempt?.transfer.bytesOnWire).toBe(60);
    expect(edge.slots.currentLink).toBe(first.digest);
  });

  it('from an installed file that changed is not believed', async () => {
    const first = await installOld();
    // It read its files at the start, and will again tomorrow.
    const device = await start();
    await device.check(never);
    publishNew(vcdiff());
    const file = path.join(edge.stateDirectory, 'slots', first.digest, 'bin');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5);
    writeFileSync(file, bytes);
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({ outcome: 'committed', message: expect.stringContaining('digest-mismatch') });
    expect(readFileSync(path.join(edge.stateDirectory, 'current', 'bin'))).toEqual(wanted);
  });

  it('is refused over the byte budget before a byte is moved', async () => {
    await installOld();
    publishNew(vcdiff());
    const device = await start({ policy: { ...quickPolicy, maxBytesPerUpdate: 50 } });
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({ outcome: 'failed', code: 'budget-exceeded', transfer: { bytesOnWire: 0 } });
  });
});

describe('a slot that changes between staging and switch', () => {
  type Tamper = [string, (folder: string, slots: SlotDirectory) => void];
  const tampers: Tamper[] = [
    ['one byte', (folder) => appendFileSync(path.join(folder, 'bin'), 'x')],
    ['a file more', (folder) => writeFileSync(path.join(folder, 'extra'), 'x')],
    ['a file less', (folder) => rmSync(path.join(folder, 'other'))],
    ['a mode', (folder) => chmodSync(path.join(folder, 'bin'), 0o777)],
    [
      'a file replaced by a link to the same bytes',
      (folder) => {
        writeFileSync(path.join(folder, '..', '..', 'outside'), readFileSync(path.join(folder, 'bin')));
        rmSync(path.join(folder, 'bin'));
        symlinkSync('../../outside', path.join(folder, 'bin'));
      },
    ],
    ['its manifest', (folder) => writeFileSync(path.join(folder, 'release.json'), '{}')],
  ];

  it.each(tampers)('by %s is noticed, and made again', async (_, tamper) => {
    const next = edge.publish('1.0.0', 1, [
      { path: 'bin', bytes: old },
      { path: 'other', bytes: bytesOf('o', 900) },
    ]);
    edge.server.offered = next.manifest;
    const device = edge.start();
    const { slots } = device.world;
    const verify = slots.verify.bind(slots);
    let tampered = 0;
    slots.verify = async (slot) => {
      if (tampered++ === 0) tamper(path.join(edge.stateDirectory, 'slots', slot), edge.slots);
      await verify(slot);
    };
    await device.recover(never);
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({ outcome: 'committed' });
    expect(tampered).toBe(2);
    await edge.slots.verify(next.digest);
  });

  it('every time ends the attempt with the old release untouched', async () => {
    const first = await installOld();
    edge.server.offered = publishNew(vcdiff()).manifest;
    const device = edge.start();
    const { slots } = device.world;
    const verify = slots.verify.bind(slots);
    slots.verify = async (slot) => {
      appendFileSync(path.join(edge.stateDirectory, 'slots', slot, 'bin'), 'x');
      await verify(slot);
    };
    await device.recover(never);
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({ outcome: 'failed', code: 'digest-mismatch' });
    expect(edge.slots.currentLink).toBe(first.digest);
    expect(readdirSync(path.join(edge.stateDirectory, 'slots'))).toEqual([first.digest]);
  });
});

describe('a device', () => {
  it('with a full disk names the bytes it lacks and changes nothing', async () => {
    const first = await installOld();
    publishNew(vcdiff());
    const device = edge.start();
    device.world.disk.room = () => ({ fileSystem: 'one', freeBytes: 1000 });
    await device.recover(never);
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({
      outcome: 'failed',
      code: 'disk-full',
      message: expect.stringMatching(/needs \d+/),
    });
    expect(edge.slots.currentLink).toBe(first.digest);
  });

  it('whose journal is gone goes on with the release that runs', async () => {
    const first = await installOld();
    rmSync(path.join(edge.stateDirectory, 'journal'), { recursive: true });
    const device = await start();
    expect(device.state).toMatchObject({ current: { manifestSha256: first.digest }, counterFloor: 1 });
    expect(device.state.outbox).toMatchObject([{ code: 'journal-corrupt' }]);
    expect(edge.service.running).toBe(first.digest);
  });

  it('keeps its reports while the server is away and sends each once it is back', async () => {
    await installOld();
    const before = edge.server.reports.size;
    publishNew(vcdiff());
    const device = await start();
    const { report } = edge.server;
    edge.server.report = () => Promise.reject(new Error('away'));
    await device.check(never);
    expect(edge.server.reports.size).toBe(before);
    edge.server.report = report;
    const again = await start();
    await again.check(never);
    expect([...edge.server.reports.values()].at(-1)).toMatchObject({ outcome: 'committed', version: '2.0.0' });
    expect(again.state.outbox).toEqual([]);
  });

  it('reports an offer that it must not install, and stays as it is', async () => {
    await installOld();
    const wrong = edge.publish('1.5.0', 1, [{ path: 'bin', bytes: wanted }]);
    edge.server.offered = wrong.manifest;
    const device = await start();
    await expect(device.check(never)).rejects.toMatchObject({ code: 'counter-not-greater' });
    await device.sendReports(never);
    expect([...edge.server.reports.values()].at(-1)).toMatchObject({ outcome: 'failed', code: 'counter-not-greater' });
  });

  it('does not try a rejected release again until it is told to', async () => {
    const first = await installOld();
    const next = publishNew(vcdiff());
    edge.service.sick.add(next.digest);
    const device = await start();
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'rolled-back', code: 'health-timeout' });
    expect(edge.service.running).toBe(first.digest);
    expect((await device.check(never)).answer.reason).toBe('release-failed-here');
    edge.service.sick.clear();
    device.forgetRejections();
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  });

  it('goes back when the service of the new release cannot be started', async () => {
    const first = await installOld();
    const next = publishNew(vcdiff());
    edge.service.dead.add(next.digest);
    const { attempt } = await (await start()).check(never);
    expect(attempt).toMatchObject({ outcome: 'rolled-back', code: 'service-start-failed' });
    expect(edge.slots.currentLink).toBe(first.digest);
  });

  it('goes back by hand, and not below what it had', async () => {
    const first = await installOld();
    publishNew(vcdiff());
    const device = await start();
    await device.check(never);
    expect(await device.rollBack(never)).toMatchObject({ outcome: 'rolled-back', version: '2.0.0' });
    expect(device.state).toMatchObject({ current: { manifestSha256: first.digest }, counterFloor: 2 });
    expect(edge.service.running).toBe(first.digest);
    await expect(device.rollBack(never)).rejects.toMatchObject({ code: 'nothing-to-roll-back-to' });
  });
});
