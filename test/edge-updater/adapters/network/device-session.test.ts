/** How a device comes to short bearers by its key, at a real server: new, carried over, pending, forgotten and cloned. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../../../contract/device-api/check.ts';
import { keyInFile, keyOfCommand } from '../../../../edge-updater/adapters/network/device-key.ts';
import { DeviceToken } from '../../../../edge-updater/adapters/network/device-token.ts';
import { HttpServer } from '../../../../edge-updater/adapters/network/http-server.ts';
import { never } from '../../../fakes/edge-device.ts';
import { product } from '../../../fakes/signed-repository.ts';
import { idleDevice, SmallFleet } from '../../../fakes/small-fleet.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'device-session-'));
  mkdirSync(state());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const state = (name = 'state') => path.join(folder, name);
const tokenFile = () => path.join(state(), 'device-token');

interface Machine {
  readonly stateDirectory?: string;
  readonly hasKey?: boolean;
}

/** A process of the updater that asks. */
async function updater(small: SmallFleet, { stateDirectory = state(), hasKey = true }: Machine = {}) {
  if (!small.app.server.listening) await small.app.listen({ port: 0, host: '127.0.0.1' });
  const token = new DeviceToken({
    stateDirectory,
    enrolmentTokenFile: path.join(folder, 'enrolment-token'),
    request: { deviceId: 'd', product, platform: 'linux/amd64', labels: {} },
    prove: async () => {},
    ...(hasKey ? { key: async () => keyInFile(stateDirectory) } : {}),
  });
  const server = new HttpServer({
    ...{ server: `http://127.0.0.1:${(small.app.server.address() as AddressInfo).port}`, deviceId: 'd' },
    ...{ userAgent: 'test', caFile: undefined, developmentAllowHttp: true, stallSeconds: 5 },
    token: (enrolment, refused) => token.get(enrolment, refused),
  });
  const check = (facts: Partial<CheckRequest> = {}) =>
    server.check({ ...idleDevice, ...facts } as CheckRequest, never).then(
      ({ decision }) => decision,
      ({ code }) => code,
    );
  return { check, [Symbol.asyncDispose]: () => server.close() };
}

async function giveEnrolmentToken(small: SmallFleet) {
  writeFileSync(path.join(folder, 'enrolment-token'), await small.enrolmentToken(1));
}

const bearers = async (small: SmallFleet) =>
  (await small.fleet.listTokens({ purpose: 'device', limit: 9 })).map(({ expiresAt }) => expiresAt !== undefined);

describe('a new device', () => {
  it('enrols with its key, has short bearers alone, and renews them when they end', async () => {
    await using small = await SmallFleet.open({ policy: { bearerSeconds: 100 } });
    await giveEnrolmentToken(small);
    await using first = await updater(small);
    expect(await first.check()).toBe('none');
    expect(await bearers(small)).toEqual([true]);
    expect(statSync(path.join(state(), 'device-key.pem')).mode & 0o777).toBe(0o600);
    small.lapse(101);
    expect(await first.check()).toBe('none');
    await using restarted = await updater(small);
    expect(await restarted.check()).toBe('none');
    expect(existsSync(tokenFile())).toBe(false);
  });

  it('waits until it is accepted, without enrolling again', async () => {
    await using small = await SmallFleet.open({ policy: { acceptance: async () => 'pending' } });
    await giveEnrolmentToken(small);
    await using device = await updater(small);
    expect([await device.check(), await device.check()]).toEqual(['device-pending', 'device-pending']);
    await using restarted = await updater(small);
    expect(await restarted.check()).toBe('device-pending');
    await small.fleet.decideDevice('d', 'accepted', small.now);
    expect(await restarted.check()).toBe('none');
  });
});

describe('a device with a long bearer', () => {
  it('is carried over by a newer updater without a visit, and the long bearer ends', async () => {
    await using small = await SmallFleet.open();
    await giveEnrolmentToken(small);
    await using older = await updater(small, { hasKey: false });
    expect(await older.check()).toBe('none');
    expect(await bearers(small)).toEqual([false]);
    await using newer = await updater(small);
    expect(await newer.check()).toBe('none');
    expect([await bearers(small), existsSync(tokenFile())]).toEqual([[true], false]);
  });

  it('that was copied to another machine before is not carried over twice', async () => {
    await using small = await SmallFleet.open();
    await giveEnrolmentToken(small);
    await using older = await updater(small, { hasKey: false });
    await older.check();
    cpSync(state(), state('clone'), { recursive: true });
    const copied = readFileSync(tokenFile());
    await using machine = await updater(small);
    expect(await machine.check()).toBe('none');
    expect(copied.length).toBeGreaterThan(0);
    await using clone = await updater(small, { stateDirectory: state('clone') });
    expect(await clone.check()).toBe('unauthenticated');
    expect(await machine.check()).toBe('none');
  });
});

describe('a device that was forgotten', () => {
  it('enrols again with the same key', async () => {
    await using small = await SmallFleet.open();
    await giveEnrolmentToken(small);
    await using device = await updater(small);
    await device.check();
    const key = keyInFile(state());
    await small.fleet.forgetDevice('d');
    expect(await device.check()).toBe('unauthenticated');
    await giveEnrolmentToken(small);
    expect(await device.check()).toBe('none');
    expect((await small.fleet.findDevice('d'))?.publicKey).toBe(key.publicKey);
  });
});

describe('a signer by command', () => {
  const script = (text: string) => [process.execPath, '-e', text];

  it('gives the key and signs with it', async () => {
    const key = await keyOfCommand(
      script(`
        const { createPrivateKey, createPublicKey, sign } = require('node:crypto');
        const seed = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]);
        const key = createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' });
        if (process.argv.at(-1) === 'public-key') console.log(createPublicKey(key).export({ format: 'jwk' }).x);
        else process.stdin.toArray().then((all) => console.log(sign(null, Buffer.concat(all), key).toString('base64')));
      `),
    );
    expect(await key.sign(Buffer.from('text'))).toHaveLength(64);
  });

  it.each([
    ['prints something else', 'console.log("no key")'],
    ['fails', 'console.error("no TPM"); process.exit(1)'],
  ])('that %s is told as such', async (_what, text) => {
    await expect(keyOfCommand(script(text))).rejects.toMatchObject({ code: 'device-signer-failed' });
  });

  it('whose signature is not of its key is told as such', async () => {
    const key = await keyOfCommand(
      script(`console.log(process.argv.at(-1) === 'public-key' ? '${'A'.repeat(43)}' : '${'A'.repeat(86)}==')`),
    );
    await expect(key.sign(Buffer.from('text'))).rejects.toMatchObject({ code: 'device-signer-failed' });
  });
});
