/** What becomes of the data of an adopted box when it goes back, by what its releases say, and what keeps an update away. */
import { renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { update } from '../fakes/box-start.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption } from '../fakes/interruption.ts';

const newer = { schemaVersion: 2, minUpdaterVersion: '0.2.0' } as const;
const refuses = { ...newer, onRollback: 'refuse' } as const;

interface Story {
  readonly from: string;
  readonly to: string;
  readonly stated?: Partial<ReleaseManifest>;
  readonly isSick?: boolean;
}

async function updated({ from, to, stated, isSick = true }: Story) {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  const files = (version: string) => [{ path: 'bin/k3s', bytes: bytesOf(version, 2000) }];
  const old = edge.publish(from, 1, files(from)).digest;
  edge.server.offered = edge.publish(from, 1, files(from)).manifest;
  await update(edge.start({ service: box, data: box.data }));
  const next = edge.publish(to, 2, files(to), undefined, stated);
  if (isSick) box.sick.add(next.digest);
  edge.server.offered = next.manifest;
  const device = edge.start({ service: box, data: box.data });
  return { edge, box, old, next: next.digest, device };
}

describe('a box that goes back', () => {
  it.each([
    ['within a minor version keeps its data', { from: '1.33.9+k3s1', to: '1.33.10+k3s1' }, true],
    ['over a minor version gets its data back', { from: '1.33.9+k3s1', to: '1.34.1+k3s1' }, false],
    ['between versions that do not tell gets its data back', { from: '1.0.0', to: '1.0.1' }, false],
    [
      'to where its release says so keeps its data',
      { from: '1.33.9+k3s1', to: '1.34.1+k3s1', stated: { ...newer, onRollback: 'keep-datastore' } },
      true,
    ],
  ] as const)('%s', async (_, story, isKept) => {
    const { edge, box, old, next, device } = await updated(story);
    using __ = edge;
    await update(device);
    expect(box.running).toBe(old);
    expect(box.writers().includes(next)).toBe(isKept);
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'rolled-back' });
    expect(box.linkedPayloads).toEqual([old, old]);
    expect(device.state.lastAttempt?.message).toContain(isKept ? 'the data stays as it is' : 'the data is that of');
  });

  it('over a copy that was damaged runs on with the newer data, and says so', async () => {
    const { edge, box, old, next, device } = await updated({ from: '1.33.9+k3s1', to: '1.34.1+k3s1' });
    using _ = edge;
    const { probe } = box;
    box.probe = () => {
      const attempt = device.state.update.phase === 'probation' ? device.state.update.attempt.id : undefined;
      if (attempt !== undefined) {
        truncateSync(path.join(box.dataDir, 'slipway/snapshots', attempt, 'server/db/state.db'), 10);
      }
      box.probe = probe;
      return probe.call(box);
    };
    await update(device);
    expect(box.running).toBe(old);
    expect(box.writers()).toContain(next);
    expect(box.linkedPayloads).toEqual([old, old]);
    expect(device.state.lastAttempt?.message).toContain('datastore-not-restorable');
  });
});

describe('a release that no device goes back from', () => {
  it('stays although it is sick, and says so', async () => {
    const { edge, box, next, device } = await updated({ from: '1.33.9+k3s1', to: '1.34.1+k3s1', stated: refuses });
    using _ = edge;
    await update(device);
    expect(box.running).toBe(next);
    expect(device.state).toMatchObject({
      current: { manifestSha256: next },
      counterFloor: 2,
      update: { phase: 'idle' },
    });
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'failed', code: 'health-timeout' });
    expect(box.data.isHeld).toBe(false);
  });

  it('is not left by hand', async () => {
    const story = { from: '1.33.9+k3s1', to: '1.34.1+k3s1', stated: refuses, isSick: false };
    const { edge, box, next, device } = await updated(story);
    using _ = edge;
    await update(device);
    await expect(device.rollBack(never)).rejects.toMatchObject({ code: 'rollback-refused' });
    expect(box.running).toBe(next);
  });
});

describe('a box in probation whose updater starts again', () => {
  it.each([
    ['that runs', { isActive: true }],
    ['that is starting still', { isActive: false, isStarting: true }],
  ])('%s is not started once more', async (_, condition) => {
    const { edge, box, next } = await updated({ from: '1.33.9+k3s1', to: '1.34.1+k3s1', isSick: false });
    using __ = edge;
    const probe = new Interruption(0, 'fails');
    const rewind = edge.capture();
    await update(edge.start({ service: box, data: box.data, interruption: probe }));
    rewind();
    const interruption = new Interruption(probe.calls.indexOf('health.probe') + 1, 'killed before');
    await update(edge.start({ service: box, data: box.data, interruption })).catch(() => undefined);
    const { starts } = box;
    const well = box.condition;
    box.condition = async () => {
      box.condition = well;
      return { ...(await well.call(box)), ...condition };
    };
    const device = edge.start({ service: box, data: box.data });
    await device.recover(never);
    expect(device.state.current?.manifestSha256).toBe(next);
    expect(box.starts).toBe(starts);
  });
});

describe('a box whose data cannot be copied', () => {
  it('is left running where its datastore lies behind a link', async () => {
    const { edge, box, old, next, device } = await updated({ from: '1.33.9+k3s1', to: '1.34.1+k3s1' });
    using _ = edge;
    renameSync(path.join(box.dataDir, 'server/db'), path.join(edge.folder, 'db'));
    symlinkSync(path.join(edge.folder, 'db'), path.join(box.dataDir, 'server/db'));
    const { starts } = box;
    await update(device);
    expect([box.running, box.starts]).toEqual([old, starts]);
    const held = [{ manifestSha256: next, code: 'datastore-not-restorable' }];
    expect(device.state).toMatchObject({ rejected: [], held });
  });

  it('is left running where its database is damaged, and the release is held', async () => {
    const { edge, box, old, next, device } = await updated({ from: '1.33.9+k3s1', to: '1.34.1+k3s1' });
    using _ = edge;
    const { starts } = box;
    rmSync(path.join(box.dataDir, 'server/db/state.db-wal'));
    writeFileSync(path.join(box.dataDir, 'server/db/state.db'), 'not a database'.repeat(1000));
    await update(device);
    expect(box.running).toBe(old);
    expect(box.starts).toBe(starts);
    expect(device.state).toMatchObject({ rejected: [], held: [{ manifestSha256: next, code: 'datastore-damaged' }] });
  });
});
