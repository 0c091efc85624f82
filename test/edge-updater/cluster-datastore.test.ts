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
