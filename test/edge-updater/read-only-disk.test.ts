/** A device whose file system is really read-only, as after errors of a disk: a mount over its state. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { programFile } from '../services/program-files.ts';
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

/** The real program, started when its state is read-only already. */
const daemonScript = `
  import { spawn, spawnSync } from 'node:child_process';
  import { once } from 'node:events';
  import { writeFileSync } from 'node:fs';
  import { setTimeout as pause } from 'node:timers/promises';
  import { DeviceApi, enrolmentToken } from '${root}/test/fakes/device-api.ts';
  import { EdgeDevice, bytesOf } from '${root}/test/fakes/edge-device.ts';
  const edge = new EdgeDevice();
  edge.clock.jumpTo(Date.now());
  edge.repository.publish(new Date());
  const api = await DeviceApi.listen(edge.server);
  const { stateDirectory, folder } = edge;
  writeFileSync(folder + '/enrolment-token', enrolmentToken);
  writeFileSync(folder + '/edge.yaml', JSON.stringify({
    server: 'http://127.0.0.1:' + api.port, developmentAllowHttp: true, deviceId: 'd', product: 'k3s-edge',
    platform: 'linux/amd64', stateDir: stateDirectory, trustedRoot: edge.rootFile, poll: { intervalSeconds: 1 },
    enrolment: { tokenFile: folder + '/enrolment-token' },
    service: { manager: 'exec', command: ['/bin/sleep', '1000'], stopTimeoutSeconds: 1 },
    health: { command: ['/bin/true'], timeoutSeconds: 5, intervalSeconds: 0.05, successes: 1, soakSeconds: 0 },
  }));
  const program = '${programFile('edge-updater')}';
  const start = (verb) => {
    const args = [program, verb, '--config', folder + '/edge.yaml'];
    return spawn(process.execPath, args, { stdio: ['ignore', 2, 2] });
  };
  const ended = async (child) => (child.exitCode === null ? (await once(child, 'exit'))[0] : child.exitCode);
  edge.server.offered = edge.publish('1.0.0', 1, [{ path: 'bin', bytes: bytesOf('1', 3000) }]).manifest;
  const installed = await ended(start('check-now'));
  const mount = (...args) => spawnSync('mount', args, { stdio: ['ignore', 2, 2] });
  mount('--bind', stateDirectory, stateDirectory);
  mount('-o', 'remount,bind,ro', stateDirectory);
  const before = edge.server.checks.length;
  const daemon = start('run');
  const until = async (isSo) => {
    for (let tries = 0; tries < 300 && !isSo(edge.server.checks.at(-1)); tries++) await pause(100);
    const { current, troubles } = edge.server.checks.at(-1);
    return [current?.version, troubles.map(({ code }) => code)];
  };
  const told = await until(() => edge.server.checks.length > before);
  const byHand = await ended(start('check-now'));
  spawnSync('umount', [stateDirectory], { stdio: ['ignore', 2, 2] });
  const healed = await until((check) => check.troubles.length === 0);
  daemon.kill('SIGTERM');
  console.log(JSON.stringify({ installed, told, byHand, healed, stopped: await ended(daemon) }));
  process.exit(0);
`;

describeUnless(missingMounts, 'a device on a read-only disk', () => {
  it('tells of it in its check, stays on its release, and updates once the disk is well', () => {
    expect(runOnTmpfs('size=64m', script)).toEqual({
      ...{ refused: 'disk-read-only', troubles: [['disk-read-only', 'device']], version: '1.0.0' },
      ...{ after: 'committed', rejected: [], left: [] },
    });
  });

  it('is told by a daemon that finds it so when it starts, and goes on once the disk is well', () => {
    expect(runOnTmpfs('size=64m', daemonScript)).toEqual({
      ...{ installed: 0, told: ['1.0.0', ['disk-read-only']], byHand: 7, healed: ['1.0.0', []], stopped: 0 },
    });
  });
});
