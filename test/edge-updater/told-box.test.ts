/** A device tells which K3s or K0s it is, and takes no release while that is not clear. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BoxReading } from '../../edge-updater/box/box.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { troublesOf } from '../fakes/troubles-told.ts';

const box: BoxReading = {
  kind: 'box',
  box: {
    ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
    ...{ dataDir: '/var/lib/rancher/k3s', version: 'v1.33.9+k3s1', datastore: { kind: 'sqlite' } },
  },
};
const unclear: BoxReading = { kind: 'refused', code: 'box-ambiguous', message: 'two units run' };

let edge: EdgeDevice;
let reading: BoxReading;
beforeEach(() => {
  edge = new EdgeDevice();
  reading = box;
});
afterEach(() => edge.remove());

const start = () => edge.start({ box: { read: async () => reading } });
const last = () => edge.server.checks.at(-1);
const offer = () => {
  edge.server.offered = edge.publish('1.0.0', 1, [{ path: 'bin/k3s', bytes: bytesOf('k3s', 3000) }]).manifest;
};

it('tells it in each check, as it is then', async () => {
  const device = start();
  await device.check(never);
  expect(last()).toMatchObject({ schemaVersion: 2, box: { distribution: 'k3s', version: 'v1.33.9+k3s1' } });
  reading = { kind: 'none' };
  await device.check(never);
  expect(last()).toMatchObject({ box: undefined });
});

it('leaves out one that does not fit the contract, rather than be refused for it', async () => {
  reading = { ...box, box: { ...box.box, dataDir: `/${'d'.repeat(5000)}` } };
  await start().check(never);
  expect(last()).toMatchObject({ schemaVersion: 2, box: undefined });
});

it('tells why it is not clear and refuses a release until it is', async () => {
  reading = unclear;
  offer();
  const device = start();
  await expect(device.check(never)).rejects.toMatchObject({ code: 'box-ambiguous', exitStatus: 7 });
  expect(last() && troublesOf(last() as never)).toMatchObject([{ code: 'box-ambiguous', fault: 'device' }]);
  expect(edge.slots.slots().size).toBe(0);
  reading = box;
  await device.check(never);
  expect(device.state.current?.version).toBe('1.0.0');
  expect(device.state.rejected).toEqual([]);
});

it('takes a release although files of K3s could not be read: that is told, and no reason', async () => {
  reading = { kind: 'refused', code: 'permission-denied', message: '/etc/rancher' };
  offer();
  const device = start();
  await device.check(never);
  expect(device.state.current?.version).toBe('1.0.0');
  expect(last() && troublesOf(last() as never).map(({ code }) => code)).toContain('permission-denied');
});
