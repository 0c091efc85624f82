/** A datastore that is the cluster's is saved before a switch, is named where people look, and is never put back by one box. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import type { ClusterDatastore } from '../../edge-updater/adoption/cluster-datastore.ts';
import type { UpdatePolicy } from '../../edge-updater/effects/world.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { EdgeDevice, never, quickPolicy } from '../fakes/edge-device.ts';
import { Interruption, Killed } from '../fakes/interruption.ts';
import { SavingK3s } from '../fakes/saving-k3s.ts';
import { etcdDatabase } from '../stand-ins/etcd-database.ts';
import { publishK3s } from './updated-box.ts';

const saved: ClusterDatastore = { save: async () => ({ file: '/data/slipway-box-1-1', bytes: 4096 }) };
const failing = (code: 'datastore-not-saved' | 'disk-full' | 'actor-unavailable'): ClusterDatastore => ({
  save: () => Promise.reject(new SlipwayError(code, 'database space exceeded')),
});
const letPass: UpdatePolicy = { ...quickPolicy, ignoredObjections: ['datastore-not-saved'] };

async function member({ cluster = saved, policy = quickPolicy, isSick = false } = {}) {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  box.adopted = { datastore: 'etcd', members: 3 };
  const start = () => edge.start({ service: box, data: box.data, payloads: box.payloads, cluster, policy });
  const old = publishK3s(edge, '1.33.9+k3s1', 1).digest;
  edge.server.offered = publishK3s(edge, '1.33.9+k3s1', 1).manifest;
  await update(startOf(edge, box));
  const next = publishK3s(edge, '1.34.1+k3s1', 2);
  edge.server.offered = next.manifest;
  if (isSick) box.sick.add(next.digest);
  return { edge, box, old, next: next.digest, device: start() };
}

describe('an etcd of several members', () => {
  it('is saved before the box goes down, and the report names the file', async () => {
    const { edge, box, next, device } = await member();
    using _ = edge;
    await update(device);
    expect(box.running).toBe(next);
    const message = expect.stringContaining('was saved: /data/slipway-box-1-1, 4096 bytes');
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'committed', message });
    expect([...edge.server.reports.values()].at(-1)).toMatchObject({ outcome: 'committed', message });
  });

  it.each([
    'datastore-not-saved',
    'disk-full',
    'actor-unavailable',
  ] as const)('that cannot be saved (%s) holds the release, and the box runs on', async (code) => {
    const { edge, box, old, next, device } = await member({ cluster: failing(code) });
    using _ = edge;
    const { starts } = box;
    await update(device);
    expect([box.running, box.starts, box.data.isHeld]).toEqual([old, starts, false]);
    expect(device.state).toMatchObject({ rejected: [], held: [{ manifestSha256: next, code }] });
    await device.check(never);
    const check = edge.server.checks.at(-1);
    expect(check).toMatchObject({ troubles: [{ code, message: expect.stringContaining('space exceeded') }] });
  });

  it('that cannot be saved is told of where edge.yaml lets that pass, and only that', async () => {
    const cluster = failing('datastore-not-saved');
    const { edge, box, next, device } = await member({ cluster, policy: letPass });
    using _ = edge;
    await update(device);
    expect(box.running).toBe(next);
    expect(device.state.lastAttempt?.message).toContain('was not saved (datastore-not-saved: database space exceeded)');
    const other = await member({ cluster: failing('actor-unavailable'), policy: letPass });
    using __ = other.edge;
    await update(other.device);
    expect(other.device.state.held).toMatchObject([{ code: 'actor-unavailable' }]);
  });

  it('stays as it is when the box goes back over a minor version, with its settings; nothing asks for --yes', async () => {
    const { edge, box, old, next, device } = await member({ isSick: true });
    using _ = edge;
    await update(device);
    expect(box.running).toBe(old);
    expect(box.writers()).toContain(next);
    expect(device.state).toMatchObject({ current: { manifestSha256: old }, rejected: [{ manifestSha256: next }] });
    expect(device.state.stranded).toBeUndefined();
    expect(device.state.setAside).toBeUndefined();
    const { message } = device.state.lastAttempt ?? {};
    expect(message).toContain("the datastore is the cluster's and stays as it is");
    expect(message).toContain('was saved: /data/slipway-box-1-1');
    expect(box.linkedPayloads).toEqual([box.payloadOf(old), box.payloadOf(old)]);
    box.sick.delete(next);
    device.forgetRejections();
    await device.check(never, patience, 'person');
    expect(await device.dataOfRollback()).toBeUndefined();
  });
});

/** A member whose etcd is saved by the command of its K3s. */
async function savingMember() {
  const found = await member();
  const { edge, box } = found;
  const k3s = new SavingK3s(box.dataDir);
  const start = (interruption?: Interruption) => {
    const more = interruption ? { interruption } : {};
    return edge.start({ service: box, data: box.data, cluster: k3s.cluster, ...more });
  };
  return { ...found, k3s, start };
}

describe('the etcd of a member whose release waits for its window', () => {
  const opensIn = (seconds: number) => ({ opensInSeconds: seconds, closesInSeconds: seconds + 3600 });

  /** It has saved when its slot was made, and switches when the window opens. */
  async function switched(seconds: number, isRestarted: boolean) {
    const found = await savingMember();
    const { edge, k3s, start } = found;
    edge.server.switchWindow = opensIn(seconds);
    let device = start();
    await update(device);
    expect([device.waiting?.opensInSeconds, k3s.saved.length]).toEqual([seconds, 1]);
    edge.clock.advance(seconds);
    k3s.moment = { ...k3s.moment, seconds: k3s.moment.seconds + seconds };
    if (isRestarted) {
      edge.server.switchWindow = opensIn(0);
      device = start();
      await update(device);
    } else await device.resume(never, patience);
    return { ...found, message: device.state.lastAttempt?.message ?? '' };
  }

  it.each([
    ['when it opens soon', false],
    ['by an updater that starts meanwhile', true],
  ])('is not saved a second time %s', async (_when, isRestarted) => {
    const { edge, box, next, k3s, message } = await switched(300, isRestarted);
    using _ = edge;
    expect([box.running, k3s.saved.length]).toEqual([next, 1]);
    expect(message.match(/was saved: \S+/g)).toEqual([`was saved: ${k3s.saved[0]},`]);
  });

  it('is saved afresh right before the switch where hours have passed, and both files are named', async () => {
    const { edge, box, next, k3s, message } = await switched(7200, false);
    using _ = edge;
    expect([box.running, k3s.saved.length]).toEqual([next, 2]);
    for (const file of k3s.saved) expect(message).toContain(`was saved: ${file},`);
  });
});

it('the etcd of a member is not saved a second time where the updater was killed before the switch', async () => {
  const untouched = new Interruption(0, 'fails');
  const whole = await savingMember();
  using _ = whole.edge;
  await update(whole.start(untouched));
  const { edge, box, next, k3s, start } = await savingMember();
  using __ = edge;
  const device = start(new Interruption(untouched.calls.indexOf('data.hold') + 1, 'killed after'));
  await expect(update(device)).rejects.toThrow(Killed);
  expect([device.state.update.phase, k3s.saved.length]).toEqual(['switching', 1]);
  await start().recover(never, patience);
  expect([box.running, k3s.saved.length]).toEqual([next, 1]);
});

it('a database elsewhere is told of: nothing of it was saved', async () => {
  const { edge, box, next, device } = await member({ cluster: { save: async () => undefined } });
  using _ = edge;
  box.adopted = { datastore: 'external' };
  await update(device);
  expect(box.running).toBe(next);
  expect(device.state.lastAttempt?.message).toContain('in a database elsewhere: nothing of it was saved');
});

it('an etcd that has grown since it was adopted alone takes no release: its past would come back to a cluster', async () => {
  const { edge, box, old } = await member();
  using _ = edge;
  box.adopted = { datastore: 'etcd', members: 1 };
  const snap = path.join(box.dataDir, 'server/db/etcd/member/snap');
  mkdirSync(snap, { recursive: true });
  writeFileSync(path.join(snap, 'db'), etcdDatabase(2));
  const device = startOf(edge, box);
  const { starts } = box;
  await update(device);
  expect([box.running, box.starts]).toEqual([old, starts]);
  const message = expect.stringContaining('has 2 members, it had one when it was adopted');
  expect(device.state.held).toMatchObject([{ code: 'datastore-not-restorable', message }]);
  writeFileSync(path.join(snap, 'db'), etcdDatabase(1));
  await device.check(never, patience, 'person');
  expect(device.state.held).toEqual([]);
});
