/** A device whose file system is really read-only, as after errors of a disk: a mount over its state. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless } from '../services/requirement.ts';
import { missingMounts, runOnTmpfs } from '../services/tmpfs.ts';

const root = path.join(import.meta.dirname, '..', '..');

const script = `
  import { spawnSync } from 'node:child_process';
  import { EdgeDevice, bytesOf, never } from '${root}/test/fakes/edge-device.ts';
  const edge = new EdgeDevice();
  const { stateDirectory } = edge;
  const mount = (...args) => spawnSync('mount', args, { stdio: ['ignore', 2, 2] });
  const offer = (version, counter) => {
    edge.server.offered = edge.publish(version, counter, [{ path: 'bin', bytes: bytesOf(version, 3000) }]).manifest;
  };
  offer('1.0.0', 1);
  const device = edge.start();
  await device.recover(never);
  await device.check(never);
  offer('2.0.0', 2);
  mount('--bind', stateDirectory, stateDirectory);
  mount('-o', 'remount,bind,ro', stateDirectory);
  const refused = await device.check(never).catch((error) => error.code);
  const troubles = edge.server.checks.at(-1).troubles.map(({ code, fault }) => [code, fault]);
  const version = device.state.current.version;
  spawnSync('umount', [stateDirectory], { stdio: ['ignore', 2, 2] });
  const { attempt } = await device.check(never);
  await device.check(never);
  console.log(JSON.stringify({
    refused, troubles, version, after: attempt.outcome, rejected: device.state.rejected,
    left: edge.server.checks.at(-1).troubles,
  }));
  process.exit(0);
`;

describeUnless(missingMounts, 'a device on a read-only disk', () => {
  it('tells of it in its check, stays on its release, and updates once the disk is well', () => {
    expect(runOnTmpfs('size=64m', script)).toEqual({
      ...{ refused: 'disk-read-only', troubles: [['disk-read-only', 'device']], version: '1.0.0' },
      ...{ after: 'committed', rejected: [], left: [] },
    });
  });
});
