/**
 * The verbs as an operator calls them: exit statuses, JSON, and what one instance does beside another. They are called
 * in this process, but for a first life, what meets a lock, and the daemon.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstanceLock } from '../../edge-updater/adapters/disk/instance-lock.ts';
import { readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import { readStatus } from '../../edge-updater/adapters/disk/status-file.ts';
import { readServicePid } from '../../edge-updater/adapters/service/exec-service.ts';
import { DeviceApi, enrolmentToken } from '../fakes/device-api.ts';
import { callEdge } from '../fakes/edge-command.ts';
import { bytesOf, EdgeDevice } from '../fakes/edge-device.ts';
import { signPermit } from '../fakes/permits.ts';
import { product } from '../fakes/signed-repository.ts';
import { programFile } from '../services/program-files.ts';

const program = programFile('edge-updater');
let edge: EdgeDevice;
let api: DeviceApi;
beforeEach(async () => {
  edge = new EdgeDevice();
  edge.clock.jumpTo(Date.now());
  edge.repository.publish(new Date());
  api = await DeviceApi.listen(edge.server);
  writeFileSync(path.join(edge.folder, 'enrolment-token'), `${enrolmentToken}\n`);
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  edge.remove();
});

function configure(): string {
  const file = path.join(edge.folder, 'edge.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      ...{ server: `http://127.0.0.1:${api.port}`, developmentAllowHttp: true, deviceId: 'd', product },
      ...{ platform: 'linux/amd64', stateDir: edge.stateDirectory, trustedRoot: edge.rootFile },
      poll: { intervalSeconds: 1 },
      enrolment: { tokenFile: path.join(edge.folder, 'enrolment-token') },
      service: { manager: 'exec', command: ['/bin/sleep', '1000'], stopTimeoutSeconds: 1 },
      health: {
        ...{ command: ['/bin/sh', '-c', 'test ! -e {current}/sick'], timeoutSeconds: 1 },
        ...{ intervalSeconds: 0.05, successes: 2, soakSeconds: 0.1 },
      },
    }),
  );
  return file;
}

/** A verb called here. */
async function slipway(...args: string[]) {
  const called = await callEdge([...args, '--config', configure()]);
  return { ...called, json: args.includes('--json') ? JSON.parse(called.stdout) : undefined };
}

function start(...args: string[]) {
  return spawn(process.execPath, [program, ...args, '--config', configure()], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A verb of a program. */
async function slipwayProgram(...args: string[]) {
  const child = start(...args);
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.toArray().then((chunks) => Buffer.concat(chunks).toString()),
    child.stderr.toArray().then((chunks) => Buffer.concat(chunks).toString()),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { status, stderr, json: args.includes('--json') ? JSON.parse(stdout) : undefined, stdout };
}

/** Ends the service that commands by hand leave running. */
function endService(): void {
  const pid = readServicePid(edge.stateDirectory);
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

function offer(version: string, counter: number, isSick = false) {
  const files = [{ path: 'bin', bytes: bytesOf(version, 500) }];
  const all = isSick ? [{ path: 'sick', bytes: bytesOf('sick', 10) }, ...files] : files;
  edge.server.offered = edge.publish(version, counter, all).manifest;
}

describe('check-now', () => {
  it('installs, goes back from a sick release with 8, and rolls back by hand', async () => {
    offer('1.0.0', 1);
    const first = await slipwayProgram('check-now', '--json');
    expect(first).toMatchObject({ status: 0, json: { attempt: { outcome: 'committed', version: '1.0.0' } } });
    offer('2.0.0', 2, true);
    const second = await slipwayProgram('check-now', '--json');
    expect(second).toMatchObject({ status: 8, json: { error: { code: 'health-timeout' } } });
    const { json } = await slipwayProgram('status', '--json');
    expect(json).toMatchObject({
      phase: 'idle',
      current: { version: '1.0.0' },
      lastAttempt: { outcome: 'rolled-back' },
    });
    offer('3.0.0', 3);
    expect(await slipwayProgram('check-now')).toMatchObject({ status: 0 });
    const back = await slipwayProgram('rollback', '--json');
    expect(back).toMatchObject({ status: 0, json: { current: { version: '1.0.0' } } });
    expect(await slipwayProgram('rollback')).toMatchObject({
      status: 8,
      stderr: expect.stringContaining('nothing-to-roll-back-to'),
    });
    endService();
  });

  it('ends with 5 when the server is away, and 6 for a counter that is not greater', async () => {
    offer('1.0.0', 1);
    await slipway('check-now');
    offer('1.1.0', 1);
    expect(await slipway('check-now')).toMatchObject({
      status: 6,
      stderr: expect.stringContaining('counter-not-greater'),
    });
    edge.server.isDown = true;
    expect(await slipway('check-now')).toMatchObject({ status: 5 });
    endService();
  });
});

it('status shows a release that is held, why, and when it is tried again', async () => {
  offer('1.0.0', 1);
  await slipway('check-now');
  offer('2.0.0', 2);
  const { openBlob } = edge.server;
  edge.server.openBlob = async (...asked) => ({ ...(await openBlob(...asked)), status: 403 });
  expect(await slipway('check-now')).toMatchObject({ status: 5, stderr: expect.stringContaining('server-refused') });
  const { json } = await slipway('status', '--json');
  expect(json).toMatchObject({ rejected: [], held: [{ version: '2.0.0', code: 'server-refused' }] });
  const { stdout } = await slipway('status');
  expect(stdout).toMatch(/^held +2\.0\.0, tried again at its next offer\n +server-refused: /m);
  edge.server.openBlob = openBlob;
  expect(await slipway('check-now')).toMatchObject({ status: 0 });
  expect((await slipway('status', '--json')).json).toMatchObject({ held: [], current: { version: '2.0.0' } });
  endService();
});

it('a binary that is removed is made anew by the next check, and its service runs again', async () => {
  offer('1.0.0', 1);
  await slipway('check-now');
  endService();
  rmSync(path.join(edge.stateDirectory, 'current', 'bin'));
  const { json } = await slipway('check-now', '--json');
  expect(json).toMatchObject({ answer: { reason: 'up-to-date' } });
  await edge.slots.verify(edge.slots.currentLink as string);
  const after = (await slipway('status', '--json')).json;
  expect(after).toMatchObject({ lastAttempt: { source: { kind: 'repair' }, outcome: 'committed' } });
  expect(after.service.pid).toBeGreaterThan(0);
  endService();
});

it('check-now --retry-rejected takes a release that was rolled back by hand again', async () => {
  offer('1.0.0', 1);
  await slipway('check-now');
  offer('2.0.0', 2);
  await slipway('check-now');
  await slipway('rollback');
  expect(await slipway('check-now')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('release-failed-here'),
  });
  const again = await slipway('check-now', '--retry-rejected', '--json');
  expect(again).toMatchObject({ status: 0, json: { attempt: { outcome: 'committed', version: '2.0.0' } } });
  endService();
});

it('status works beside the holder of the lock, every other command ends with 9', async () => {
  const lock = new InstanceLock(edge.stateDirectory, 'run');
  expect((await slipwayProgram('status', '--json')).json).toMatchObject({ daemon: { running: true, command: 'run' } });
  for (const command of [['run'], ['check-now'], ['rollback'], ['install', 'x']]) {
    expect(await slipwayProgram(...command), command[0] as string).toMatchObject({ status: 9 });
  }
  lock.release();
  expect((await slipwayProgram('status', '--json')).json).toMatchObject({ daemon: { running: false } });
});

it('names a bundle that cannot be read with 3, and a verb that does not exist with 2', async () => {
  expect(await slipway('install', '/nowhere')).toMatchObject({ status: 3 });
  expect(await slipway('instal')).toMatchObject({ status: 2 });
});

describe('a permit', () => {
  const permitTo = (leave: string) => ({
    ...{ schemaVersion: 1 as const, kind: 'permit' as const, product, deviceId: 'd', rollout: 'winter', leave },
    ...{ expires: new Date(Date.now() + 3_600_000).toISOString(), id: 'a-permit-of-the-test' },
  });

  it('takes the release back, with 0; a forged one does nothing, with 4', async () => {
    offer('1.0.0', 1);
    await slipway('check-now');
    offer('2.0.0', 2);
    const { json } = await slipway('check-now', '--json');
    const { manifestSha256 } = json.attempt;
    const revert = { decision: 'revert', reason: 'rollout-aborted', rollout: 'winter' } as const;
    edge.server.answer = { ...revert, permit: signPermit(permitTo(manifestSha256), edge.repository.keys.product) };
    const forged = await slipway('check-now', '--json');
    expect(forged).toMatchObject({ status: 4, json: { error: { code: 'permit-invalid' } } });
    expect((await slipway('status', '--json')).json).toMatchObject({ current: { version: '2.0.0' } });
    edge.server.answer = { ...revert, permit: signPermit(permitTo(manifestSha256), edge.repository.keys.permits) };
    const back = await slipway('check-now', '--json');
    expect(back).toMatchObject({
      status: 0,
      json: { attempt: { outcome: 'rolled-back', code: 'reverted-by-permit', version: '2.0.0' } },
    });
    expect((await slipway('status', '--json')).json).toMatchObject({
      current: { version: '1.0.0' },
      rejected: [{ version: '2.0.0', code: 'reverted-by-permit' }],
    });
    endService();
  });
});

describe('a window', () => {
  /** Tells the window relative to each answer, as a distributor does: late by rounding, never early. */
  function openAt(time: number): void {
    const check = edge.server.check.bind(edge.server);
    edge.server.check = (request) => {
      const opensInSeconds = Math.max(0, Math.ceil((time - Date.now()) / 1000));
      edge.server.switchWindow = { opensInSeconds, closesInSeconds: opensInSeconds + 30 };
      return check(request);
    };
  }

  it('is waited for by the daemon, which says so, stops when told to and switches when it opens', async () => {
    offer('1.0.0', 1);
    await slipway('check-now');
    offer('2.0.0', 2);
    edge.server.switchWindow = { opensInSeconds: 3600, closesInSeconds: 7200 };
    let daemon = start('run');
    await expect.poll(() => readStatus(edge.stateDirectory)?.window, { timeout: 30_000 }).toBeDefined();
    expect((await slipway('status', '--json')).json).toMatchObject({
      ...{ phase: 'staged', current: { version: '1.0.0' } },
      waiting: { version: '2.0.0', opensAt: expect.any(String) },
    });
    expect((await slipway('status')).stdout).toContain('2.0.0 is ready and switches between');
    daemon.kill('SIGTERM');
    expect(await once(daemon, 'exit')).toEqual([0, null]);
    expect((await slipway('status')).stdout).toContain('in a window that the server has yet to name');

    openAt(Date.now() + 2000);
    daemon = start('run');
    const current = () => readJournal(edge.stateDirectory) as { state?: { current?: { version: string } } };
    await expect.poll(() => current().state?.current?.version, { timeout: 30_000 }).toBe('2.0.0');
    expect((await slipway('status', '--json')).json).toMatchObject({ current: { version: '2.0.0' } });
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  });
});
