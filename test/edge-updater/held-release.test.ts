/** Troubles of the device and of the path on real files: the release is held and tried again, and never rejected. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';

let edge: EdgeDevice;
let device: Device;
let next: ReturnType<EdgeDevice['publish']>;
const pollSeconds = 900;

beforeEach(async () => {
  edge = new EdgeDevice();
  edge.server.offered = edge.publish('1.0.0', 1, files('1.0.0')).manifest;
  device = edge.start();
  await device.recover(never);
  await device.check(never);
  next = edge.publish('2.0.0', 2, files('2.0.0'));
  edge.server.offered = next.manifest;
});
afterEach(() => edge.remove());

const files = (version: string) => [
  { path: 'bin', bytes: bytesOf(version, 4000) },
  { path: 'packed', bytes: bytesOf(`packed ${version}`, 4000) },
];

const lastReport = () => [...edge.server.reports.values()].at(-1);
const refuse = (status: number) => {
  const serve = edge.server.openBlob;
  edge.server.openBlob = async (...asked) => ({ ...(await serve(...asked)), status });
  return () => {
    edge.server.openBlob = serve;
  };
};

describe('a device', () => {
  it.each([403, 407])('that gets %i in three polls installs the release once that is over', async (status) => {
    const heal = refuse(status);
    for (let poll = 0; poll < 3; poll++) {
      expect((await device.check(never)).attempt).toMatchObject({ outcome: 'failed' });
      expect(lastReport()).toMatchObject({ outcome: 'failed', fault: 'path' });
      edge.clock.advance(pollSeconds);
    }
    expect(device.state.rejected).toEqual([]);
    expect(edge.server.checks.at(-1)?.rejected).toEqual([]);
    heal();
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', version: '2.0.0' });
    expect(device.state.held).toEqual([]);
  });

  it('whose disk fills up between switch and commit goes back, and takes the release an hour later', async () => {
    const { service } = device.world;
    const restart = service.restart.bind(service);
    service.restart = () => Promise.reject(new SlipwayError('disk-full', 'no space left'));
    const checked = device.check(never, 1).catch(() => undefined);
    await checked;
    service.restart = restart;
    await device.resume(never);
    expect(device.state).toMatchObject({ current: { version: '1.0.0' }, rejected: [], held: [{ code: 'disk-full' }] });
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'rolled-back', code: 'disk-full' });
    expect((await device.check(never)).held).toMatchObject({ version: '2.0.0' });
    edge.clock.advance(3600);
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  });

  it('pays less and less often for a blob that comes damaged, and says when it tries again', async () => {
    const { blobs } = edge.server;
    const whole = new Map(blobs);
    for (const [digest, bytes] of whole) blobs.set(digest, bytesOf('other', bytes.length));
    const triedAt: number[] = [];
    for (let poll = 0; poll < 20; poll++) {
      const { attempt } = await device.check(never);
      if (attempt) triedAt.push(poll);
      if (attempt) expect(attempt).toMatchObject({ outcome: 'failed', code: 'digest-mismatch' });
      edge.clock.advance(pollSeconds);
    }
    expect(triedAt).toEqual([0, 1, 2, 5, 12]);
    expect(lastReport()).toMatchObject({ fault: 'path', nextTryAt: device.state.held[0]?.notBefore });
    for (const [digest, bytes] of whole) blobs.set(digest, bytes);
    // A person does not wait.
    expect((await device.check(never)).held).toBeDefined();
    expect((await device.check(never, undefined, 'person')).attempt).toMatchObject({ outcome: 'committed' });
  });

  it('whose clock is years ahead says so, with both times, and installs nothing', async () => {
    const server = edge.clock.now();
    edge.clock.jumpTo(Date.parse('2031-01-01T00:00:00Z'));
    edge.server.heardTime = { server, device: edge.clock.now() };
    const message = expect.stringMatching(/2031-01-01T00:00:00.000Z.*2026-12-01T/);
    await expect(device.check(never)).rejects.toMatchObject({ code: 'clock-wrong', fault: 'device', message });
    expect(device.state.current?.version).toBe('1.0.0');
  });

  it('whose clock is as the server’s says that the metadata has expired', async () => {
    edge.clock.advance(9 * 24 * 3600);
    edge.server.heardTime = { server: edge.clock.now() - 3_600_000, device: edge.clock.now() };
    await expect(device.check(never)).rejects.toMatchObject({ code: 'metadata-expired', fault: 'path' });
  });

  it('keeps what it knows of a held release over a restart', async () => {
    const heal = refuse(403);
    await device.check(never);
    heal();
    const again = edge.start();
    expect(again.state.held).toMatchObject([{ version: '2.0.0', code: 'server-refused' }]);
    await again.recover(never);
    expect((await again.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  });
});
