/**
 * A journal that takes nothing while a new release is on probation (a stand-in for a disk with EIO, ENOSPC or EROFS): a
 * bad release is left all the same, a good one is neither restarted again and again nor rejected.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import { JournalFile } from '../../edge-updater/adapters/disk/journal-file.ts';
import { runDaemon } from '../../edge-updater/device/daemon.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';

const codes = ['disk-full', 'io-error', 'disk-read-only'] as const;
const { append } = JournalFile.prototype;

let edge: EdgeDevice;
let device: Device;
let old: string;
let next: string;
/** Of the journal, from the moment when the new release was started. */
let trouble: (typeof codes)[number] | undefined;

beforeEach(async () => {
  edge = new EdgeDevice();
  trouble = undefined;
  old = offer('1.0.0', 1);
  device = edge.start();
  await device.recover(never);
  await device.check(never);
  next = offer('2.0.0', 2);
  JournalFile.prototype.append = function (state) {
    if (trouble !== undefined && edge.service.starts > 1) throw new SlipwayError(trouble, 'the test took the disk');
    append.call(this, state);
  };
});
afterEach(() => {
  JournalFile.prototype.append = append;
  edge.remove();
});

function offer(version: string, counter: number): string {
  const { manifest, digest } = edge.publish(version, counter, [{ path: 'bin', bytes: bytesOf(version, 4000) }]);
  edge.server.offered = manifest;
  return digest;
}

/** As many polls of a daemon, on what is on the disk. @param after called after each, with its number */
async function poll(times: number, after: (polled: number) => void = () => undefined): Promise<Device> {
  const of = edge.start();
  const end = new AbortController();
  let polls = 0;
  const options = { intervalSeconds: 900, jitterPercent: 0, backoff: { baseSeconds: 1, capSeconds: 2 } };
  const onPolled = () => {
    after(++polls);
    if (polls >= times) end.abort();
  };
  await expect(runDaemon(of, { ...options, onReady: () => undefined, onPolled }, end.signal)).rejects.toThrow();
  return of;
}

const outcomes = () =>
  [...edge.server.reports.values()].flatMap(({ outcome, code }) => (outcome ? [[outcome, code]] : []));

describe.each(codes)('a journal that answers %s from the start of the new release on', (code) => {
  it('does not keep a bad release up: the old one runs again, and is restarted once', async () => {
    edge.service.sick.add(next);
    trouble = code;
    await poll(5, (polled) => {
      if (polled !== 4) return;
      expect([edge.service.running, edge.slots.currentLink]).toEqual([old, old]);
      expect(edge.server.checks.at(-1)).toMatchObject({ troubles: [{ code }] });
      trouble = undefined;
      edge.server.answer = { decision: 'none', reason: 'up-to-date' };
    });
    expect(edge.service.starts).toBe(3);
    expect(outcomes().at(-1)).toEqual(['rolled-back', 'health-timeout']);
  });

  it('does not restart a good release, which is committed when the journal can be written', async () => {
    trouble = code;
    const daemon = await poll(5, (polled) => {
      if (polled !== 4) return;
      expect([edge.service.running, edge.service.starts]).toEqual([next, 2]);
      trouble = undefined;
    });
    expect(edge.service.starts).toBe(2);
    expect(daemon.state).toMatchObject({ current: { version: '2.0.0' }, rejected: [], held: [] });
  });

  it('holds a release that was left so, but does not reject it, after a restart of the updater', async () => {
    edge.service.sick.add(next);
    trouble = code;
    await poll(2);
    trouble = undefined;
    edge.server.answer = { decision: 'none', reason: 'up-to-date' };
    const { state } = await poll(1);
    expect([edge.service.running, edge.slots.currentLink]).toEqual([old, old]);
    expect(state).toMatchObject({ rejected: [], held: [{ version: '2.0.0', code: 'update-interrupted' }] });
  });
});

describe('one failure between the switch and the commit', () => {
  it.each(codes)('of the journal (%s) costs a good release nothing', async (code) => {
    trouble = code;
    await device.check(never).catch(() => undefined);
    trouble = undefined;
    expect((await poll(1)).state).toMatchObject({ current: { version: '2.0.0' }, rejected: [] });
  });

  it.each(codes)('of the disk (%s) that stops the health check is not the release’s fault', async (code) => {
    const { slots } = device.world;
    edge.service.sick.add(next);
    const { tryWriting } = slots;
    const { restart } = edge.service;
    edge.service.restart = async () => {
      await restart.call(edge.service);
      slots.tryWriting = () => {
        throw new SlipwayError(code, 'the test took the disk');
      };
    };
    await device.check(never);
    expect(outcomes().at(-1)).toEqual(['rolled-back', code]);
    expect(device.state).toMatchObject({ rejected: [], held: [{ version: '2.0.0', code }] });
    slots.tryWriting = tryWriting;
  });
});
