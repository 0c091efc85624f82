/** Enrolment through the built programs: a mistake in edge.yaml costs no use, and a forgotten device comes back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDevice } from '../../edge-updater/wiring/read-device.ts';
import { RunningProgram, runCommand } from '../../infra/demo/programs.ts';
import { mustCallPackager } from '../fakes/packager-command.ts';
import {
  configureDevice,
  endService,
  enrolmentToken,
  listening,
  mustCallDistributor,
  publishShop,
} from './small-shop.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-enrolment-'));
const at = (...parts: string[]) => path.join(folder, ...parts);
let distributor: RunningProgram;
let server: string;

beforeAll(async () => {
  await publishShop(folder, `file://${at('store')}`);
  const other = ['--store', `file://${at('other-store')}`, '--keys', at('other-keys'), '--product', 'shop', '--demo'];
  await mustCallPackager('init', ...other, '--root-out', at('other-root.json'));
  distributor = new RunningProgram('slipway-distributor', [
    ...['serve', '--store', `file://${at('store')}`, '--rollouts', at('rollouts'), '--state', at('state')],
    ...['--require-token-for-reads', '--listen', '127.0.0.1:0', '--log-level', 'error', '--json'],
  ]);
  server = await listening(distributor);
});
afterAll(async () => {
  await distributor.stop();
  rmSync(folder, { recursive: true, force: true });
});

const device = (deviceId: string, tokenFile: string, more: Record<string, unknown> = {}) =>
  configureDevice(at(deviceId), {
    ...{ server, deviceId, developmentAllowHttp: true, trustedRoot: at('root.json'), enrolment: { tokenFile } },
    ...{ download: { retryBaseSeconds: 0.1, retryCapSeconds: 0.2 }, poll: { intervalSeconds: 1 } },
    ...more,
  });
const check = async (configuration: string) => {
  const { exitCode, stdout } = await runCommand('slipway-edge', ['check-now', '--config', configuration, '--json']);
  return [exitCode, JSON.parse(stdout).error?.code];
};
const lastCheck = async (configuration: string) => (await readDevice(configuration)).lastCheck;

/** Waits until the daemon's last check is as wanted. */
async function until(configuration: string, isWanted: (reason: string) => boolean) {
  for (;;) {
    const found = await lastCheck(configuration);
    if (found && isWanted(found.reason)) return found;
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

it('with a wrong root or product costs no use of the token, which then enrols', async () => {
  const tokenFile = await enrolmentToken(at('state'), 1);
  expect(await check(device('wt-1', tokenFile, { trustedRoot: at('other-root.json') }))).toEqual([
    4,
    'metadata-signature-invalid',
  ]);
  expect(await check(device('wt-1', tokenFile, { product: 'shoop' }))).toEqual([3, 'product-unknown']);
  const right = device('wt-1', tokenFile);
  expect(await check(right)).toEqual([0, undefined]);
  await endService(right);
});

it('happens again under a running daemon that was forgotten, or it says what to do', async () => {
  const tokenFile = await enrolmentToken(at('state'), 2);
  const configuration = device('wt-2', tokenFile);
  const daemon = new RunningProgram('slipway-edge', ['run', '--config', configuration]);
  const forget = () => mustCallDistributor('device', 'forget', 'wt-2', '--state', at('state'));
  const known = async () =>
    (await mustCallDistributor<{ devices: { id: string }[] }>('device', 'ls', '--state', at('state'))).devices.length;
  try {
    await until(configuration, (reason) => reason === 'up-to-date');
    await forget();
    while ((await known()) < 2) await new Promise((resume) => setTimeout(resume, 100));
    await until(configuration, (reason) => reason === 'up-to-date');
    // Its two uses are spent.
    await forget();
    const { message } = await until(configuration, (reason) => reason === 'unauthenticated');
    expect(message).toContain(tokenFile);
    const { token } = await mustCallDistributor<{ token: string }>('enrolment-token', 'create', '--state', at('state'));
    writeFileSync(tokenFile, token);
    await until(configuration, (reason) => reason === 'up-to-date');
  } finally {
    await daemon.stop();
  }
});
