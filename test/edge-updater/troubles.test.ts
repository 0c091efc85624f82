/** What a server learns from the checks and reports of a device that has troubles, before an offer is taken and after. */
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import { runDaemon } from '../../edge-updater/device/daemon.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { troublesOf } from '../fakes/troubles-told.ts';

let edge: EdgeDevice;
let device: Device;
beforeEach(async () => {
  edge = new EdgeDevice();
  offer('1.0.0', 1);
  device = edge.start();
  await device.recover(never);
  await device.check(never);
});
afterEach(() => edge.remove());

function offer(version: string, counter: number): void {
  edge.server.offered = edge.publish(version, counter, [{ path: 'bin', bytes: bytesOf(version, 4000) }]).manifest;
}

const told = () => {
  const check = edge.server.checks.at(-1);
  return check ? troublesOf(check) : [];
};
const codes = () => told().map(({ code }) => code);
const reports = () => [...edge.server.reports.values()];

describe('a check', () => {
  it('of a device that is well tells of no trouble, in version 2', async () => {
    await device.check(never);
    expect(edge.server.checks.at(-1)).toMatchObject({ schemaVersion: 2, troubles: [] });
  });

  it('tells of a service that does not run, since when, and that it runs again', async () => {
    edge.service.restart = () => Promise.reject(new SlipwayError('service-start-failed', 'no'));
    await edge.service.stop();
    edge.service.lastLine = 'fatal: no key';
    await device.check(never);
    const since = told()[0]?.since;
    expect(told()).toMatchObject([{ code: 'service-not-running', message: expect.stringContaining('fatal: no key') }]);
    edge.clock.advance(900);
    await device.check(never);
    expect(told()).toMatchObject([{ code: 'service-not-running', since }]);
    edge.service.running = edge.slots.currentLink;
    await device.check(never);
    expect(told()).toEqual([]);
  });

  it('tells of a pinned root that is gone', async () => {
    rmSync(edge.rootFile);
    rmSync(`${edge.stateDirectory}/metadata/trusted.a`, { force: true });
    rmSync(`${edge.stateDirectory}/metadata/trusted.b`, { force: true });
    await device.check(never);
    expect(codes()).toEqual(['trust-store-corrupt']);
    writeFileSync(edge.rootFile, edge.repository.root.bytes);
    await device.check(never);
    expect(codes()).toEqual([]);
  });

  it('tells of a clock that is a year behind the server’s', async () => {
    edge.server.heardTime = { server: edge.clock.now() + 365 * 24 * 3_600_000, device: edge.clock.now() };
    await device.check(never);
    expect(told()).toMatchObject([{ code: 'clock-wrong', fault: 'device' }]);
  });

  it('tells of an offer that was refused, until there is another answer', async () => {
    offer('2.0.0', 2);
    edge.server.metadata = () => Promise.reject(new SlipwayError('tls-failed', 'expired'));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'tls-failed' });
    await expect(device.check(never)).rejects.toMatchObject({ code: 'tls-failed' });
    expect(codes()).toEqual(['tls-failed']);
    edge.server.answer = { decision: 'none', reason: 'rollout-paused' };
    await device.check(never);
    await device.check(never);
    expect(codes()).toEqual([]);
  });

  it('tells of a blob host that refuses, as long as the release is held', async () => {
    offer('2.0.0', 2);
    const { openBlob } = edge.server;
    edge.server.openBlob = async (...asked) => ({ ...(await openBlob(...asked)), status: 407 });
    await device.check(never);
    await device.check(never);
    expect(told()).toMatchObject([{ code: 'proxy-refused', fault: 'path' }]);
    edge.server.openBlob = openBlob;
    await device.check(never);
    await device.check(never);
    expect(codes()).toEqual([]);
  });

  it('tells of a held release no more once it is not offered', async () => {
    offer('2.0.0', 2);
    const { openBlob } = edge.server;
    edge.server.openBlob = async (...asked) => ({ ...(await openBlob(...asked)), status: 403 });
    await device.check(never);
    edge.server.answer = { decision: 'none', reason: 'rollout-aborted' };
    await device.check(never);
    expect(codes()).toEqual(['server-refused']);
    await device.check(never);
    expect(codes()).toEqual([]);
    expect(device.state.held).toMatchObject([{ code: 'server-refused' }]);
  });
});

describe('an offer that is refused before an attempt begins', () => {
  it('for the network is reported with its rollout, once, and again for another code', async () => {
    offer('2.0.0', 2);
    const { metadata } = edge.server;
    const refusing = async (code: 'tls-failed' | 'server-refused') => {
      edge.server.metadata = () => Promise.reject(new SlipwayError(code, 'm'));
      await expect(device.check(never)).rejects.toMatchObject({ code });
    };
    await refusing('tls-failed');
    await refusing('tls-failed');
    const said = { rollout: 'test', version: '2.0.0', outcome: 'failed', phase: 'idle' };
    expect(reports().filter(({ code }) => code)).toMatchObject([{ ...said, code: 'tls-failed', fault: 'path' }]);
    await refusing('server-refused');
    expect(reports().filter(({ code }) => code)).toMatchObject([{ code: 'tls-failed' }, { code: 'server-refused' }]);
    edge.server.metadata = metadata;
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  });

  it('is reported to each rollout that offers the release', async () => {
    offer('2.0.0', 2);
    edge.server.metadata = () => Promise.reject(new SlipwayError('tls-failed', 'm'));
    const { check } = edge.server;
    for (const rollout of ['test', 'second', 'second']) {
      edge.server.check = async (request) => {
        const answer = await check.call(edge.server, request);
        return answer.decision === 'update' ? { ...answer, offer: { ...answer.offer, rollout } } : answer;
      };
      await expect(device.check(never)).rejects.toMatchObject({ code: 'tls-failed' });
    }
    expect(reports().filter(({ code }) => code)).toMatchObject([{ rollout: 'test' }, { rollout: 'second' }]);
  });

  it('while nothing can be sent is reported as soon as something can', async () => {
    offer('2.0.0', 2);
    const { report } = edge.server;
    edge.server.metadata = () => Promise.reject(new SlipwayError('server-unreachable', 'm'));
    edge.server.report = () => Promise.reject(new SlipwayError('server-unreachable', 'm'));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'server-unreachable' });
    edge.server.report = report;
    await device.sendReports(never);
    expect(reports().at(-1)).toMatchObject({ rollout: 'test', code: 'server-unreachable', fault: 'path' });
  });

  it('leaves an update that waits for its window alone where the network is to blame', async () => {
    offer('2.0.0', 2);
    edge.server.switchWindow = { opensInSeconds: 100, closesInSeconds: 200 };
    await device.check(never);
    edge.server.metadata = () => Promise.reject(new SlipwayError('server-unreachable', 'm'));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'server-unreachable' });
    expect(device.waiting).toMatchObject({ version: '2.0.0' });
  });
});

describe('a disk that takes nothing', () => {
  const refuse = (code: 'disk-full' | 'disk-read-only') => () => {
    throw new SlipwayError(code, 'the test took the disk away');
  };

  it.each([
    'disk-full',
    'disk-read-only',
  ] as const)('is told as %s by the check, with an offer in the way', async (code) => {
    offer('2.0.0', 2);
    const { slots, downloads } = device.world;
    slots.tryWriting = refuse(code);
    downloads.putManifest = refuse(code);
    await expect(device.check(never)).rejects.toMatchObject({ code });
    expect(codes()).toEqual([code]);
  });

  it('is told by a daemon that cannot even end what was interrupted', async () => {
    offer('2.0.0', 2);
    const end = new AbortController();
    const broken = edge.start();
    const { slots } = broken.world;
    slots.tryWriting = refuse('disk-read-only');
    broken.recover = refuse('disk-read-only') as Device['recover'];
    broken.resume = async () => {
      end.abort();
      throw new SlipwayError('disk-read-only', 'still');
    };
    const options = { intervalSeconds: 900, jitterPercent: 0, backoff: { baseSeconds: 1, capSeconds: 2 } };
    const before = edge.server.checks.length;
    const daemon = runDaemon(broken, { ...options, onReady: () => undefined, onPolled: () => undefined }, end.signal);
    await expect(daemon).rejects.toThrow();
    expect(edge.server.checks.length).toBe(before + 1);
    expect(codes()).toEqual(['disk-read-only']);
  });
});

describe('a release that does not become healthy', () => {
  it.each([
    ['health-timeout', (digest: string) => edge.service.sick.add(digest)],
    ['service-start-failed', (digest: string) => edge.service.dead.add(digest)],
  ])('is reported as %s with the last line of its log and where the log is', async (code, spoil) => {
    const next = edge.publish('2.0.0', 2, [{ path: 'bin', bytes: bytesOf('2', 4000) }]);
    edge.server.offered = next.manifest;
    spoil(next.digest);
    edge.service.lastLine = `listen tcp: in use slp_device_${'x'.repeat(43)}`;
    await device.check(never);
    const message = expect.stringMatching(
      /its last line is "listen tcp: in use \*\*\*", its log is the log of the test/,
    );
    expect(reports().at(-1)).toMatchObject({ outcome: 'rolled-back', code, fault: 'release', message });
  });
});
