/** How a device comes to its token, with an enrolment that fails at every step: a use of the token is spent once. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../../contract/errors.ts';
import { MetadataDirectory } from '../../../../edge-updater/adapters/disk/metadata-directory.ts';
import { DeviceToken, type EnrolmentServer } from '../../../../edge-updater/adapters/network/device-token.ts';
import { proveServer } from '../../../../edge-updater/trust/prove-server.ts';
import { product, SignedRepository } from '../../../fakes/signed-repository.ts';

const enrolmentToken = `slp_enrol_${'e'.repeat(43)}`;
const tokenNumber = (n: number) => `slp_device_${String(n).padStart(43, 'd')}`;
const now = new Date('2026-12-01T00:00:00Z');

let folder: string;
let repository: SignedRepository;
/** Requests to enrol so far. */
let enrolled: number;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'device-token-'));
  repository = new SignedRepository(now);
  enrolled = 0;
  writeFileSync(at('root.json'), repository.root.bytes);
  writeFileSync(at('enrolment-token'), `${enrolmentToken}\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const stateDirectory = () => at('state');
const tokenFile = () => path.join(stateDirectory(), 'device-token');

function device({ name = product, file = at('enrolment-token'), time = now.getTime() } = {}) {
  mkdirSync(stateDirectory(), { recursive: true });
  const metadata = new MetadataDirectory(stateDirectory(), at('root.json'), 0);
  return new DeviceToken({
    stateDirectory: stateDirectory(),
    enrolmentTokenFile: file === '' ? undefined : file,
    request: { deviceId: 'd', product: name, platform: 'linux/amd64', labels: {} },
    prove: (fetch) => proveServer(name, fetch, metadata, time),
  });
}

const server: EnrolmentServer = {
  metadata: async (token, name) => {
    expect(token).toBe(enrolmentToken);
    return repository.files.get(name);
  },
  enrol: async (token) => {
    expect(token).toBe(enrolmentToken);
    enrolled++;
    return { deviceToken: tokenNumber(enrolled) };
  },
  now: () => now.getTime(),
  registerKey: () => Promise.reject(new SlipwayError('not-found', 'an older server')),
  signIn: () => Promise.reject(new SlipwayError('not-found', 'an older server')),
};

describe('a device without a token', () => {
  it('enrols once, however many ask for it, and keeps the token', async () => {
    const token = device();
    expect(await Promise.all([token.get(server), token.get(server)])).toEqual([tokenNumber(1), tokenNumber(1)]);
    expect(await device().get(server)).toBe(tokenNumber(1));
    expect(enrolled).toBe(1);
  });

  it('with the root of another repository shows the server no enrolment', async () => {
    writeFileSync(at('root.json'), new SignedRepository(now).root.bytes);
    await expect(device().get(server)).rejects.toMatchObject({
      ...{ code: 'metadata-signature-invalid', hint: expect.stringContaining('trustedRoot') },
    });
    expect(enrolled).toBe(0);
    writeFileSync(at('root.json'), repository.root.bytes);
    expect(await device().get(server)).toBe(tokenNumber(1));
  });

  it('with a product that the repository has not shows the server no enrolment', async () => {
    await expect(device({ name: 'k3s-egde' }).get(server)).rejects.toMatchObject({
      ...{ code: 'product-unknown', hint: expect.stringContaining(product) },
    });
    expect(enrolled).toBe(0);
  });

  it.each(['timestamp.json', '1.snapshot.json', '1.targets.json'])('waits while %s is not there', async (name) => {
    repository.files.delete(name);
    await expect(device().get(server)).rejects.toMatchObject({ code: 'metadata-missing' });
    expect(enrolled).toBe(0);
  });

  it('enrols though the metadata has expired, which a wrong clock makes of it, too', async () => {
    expect(await device({ time: now.getTime() + 400 * 24 * 3_600_000 }).get(server)).toBe(tokenNumber(1));
  });

  it('enrols at an older server that shows metadata to devices alone', async () => {
    const older = { ...server, metadata: () => Promise.reject(new SlipwayError('unauthenticated', 'no')) };
    expect(await device().get(older)).toBe(tokenNumber(1));
  });

  it('whose disk takes nothing spends no use, and asks again where it failed after the answer', async () => {
    // The set of metadata is the first thing that is written.
    mkdirSync(path.join(stateDirectory(), 'metadata', 'trusted.a'), { recursive: true });
    mkdirSync(path.join(stateDirectory(), 'metadata', 'trusted.b'), { recursive: true });
    await expect(device().get(server)).rejects.toMatchObject({ fault: 'device' });
    expect(enrolled).toBe(0);
    rmSync(path.join(stateDirectory(), 'metadata'), { recursive: true });
    const token = device();
    mkdirSync(tokenFile());
    await expect(token.get(server)).rejects.toMatchObject({ fault: 'device' });
    rmSync(tokenFile(), { recursive: true });
    // The server gives one that was never seen another token without a use.
    expect(await token.get(server)).toBe(tokenNumber(2));
    expect(String(readFileSync(tokenFile())).trim()).toBe(tokenNumber(2));
  });

  it('whose answer was lost asks again', async () => {
    let isLost = true;
    const lossy = {
      ...server,
      enrol: async (...args: Parameters<EnrolmentServer['enrol']>) => {
        const given = await server.enrol(...args);
        if (isLost) throw new SlipwayError('server-unreachable', 'reset');
        return given;
      },
    };
    const token = device();
    await expect(token.get(lossy)).rejects.toMatchObject({ code: 'server-unreachable' });
    expect(existsSync(tokenFile())).toBe(false);
    isLost = false;
    expect(await token.get(lossy)).toBe(tokenNumber(2));
  });
});

describe('a device that the server has forgotten', () => {
  const first = tokenNumber(0);
  beforeEach(() => {
    mkdirSync(stateDirectory(), { recursive: true });
    writeFileSync(tokenFile(), `${first}\n`);
  });

  it('enrols again, once', async () => {
    const token = device();
    expect(await token.get(server)).toBe(first);
    expect(await Promise.all([token.get(server, first), token.get(server, first)])).toEqual(
      Array(2).fill(tokenNumber(1)),
    );
    expect(await token.get(server, first)).toBe(tokenNumber(1));
    expect(enrolled).toBe(1);
    expect(String(readFileSync(tokenFile())).trim()).toBe(tokenNumber(1));
  });

  it('takes a token that somebody put into its place', async () => {
    const token = device();
    writeFileSync(tokenFile(), `${tokenNumber(9)}\n`);
    expect(await token.get(server, first)).toBe(tokenNumber(9));
    expect(enrolled).toBe(0);
  });

  it('keeps the old token and says what to do where it may not enrol', async () => {
    const spent = { ...server, enrol: () => Promise.reject(new SlipwayError('enrolment-token-invalid', 'spent')) };
    await expect(device().get(spent, first)).rejects.toMatchObject({
      ...{ code: 'unauthenticated', hint: expect.stringContaining(at('enrolment-token')) },
    });
    await expect(device({ file: '' }).get(server, first)).rejects.toMatchObject({
      ...{ code: 'unauthenticated', hint: expect.stringContaining('enrolment.tokenFile') },
    });
    expect(String(readFileSync(tokenFile())).trim()).toBe(first);
  });
});
