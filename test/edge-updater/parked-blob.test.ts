/** A blob that somebody keeps from a device for hours: the server hears from the device all the same. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BlobSource } from '../../edge-updater/ports.ts';
import { bytesOf, EdgeDevice, never, quickPolicy } from '../fakes/edge-device.ts';

let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
  edge.server.offered = edge.publish('1.0.0', 1, [{ path: 'bin', bytes: bytesOf('1', 4000) }]).manifest;
});
afterEach(() => edge.remove());

/** Phases that the server was told of between its offer and the end of the update. */
const phases = () => edge.server.checks.slice(1).map((check) => check.phase);

async function updateFrom(blobs: BlobSource): Promise<void> {
  const device = edge.start({ blobs });
  await device.recover(never);
  const { attempt } = await device.check(never);
  expect(attempt?.outcome).toBe('committed');
}

it('by a Retry-After of a day waits an hour, and is heard at each poll meanwhile', async () => {
  let asked = 0;
  const blobs: BlobSource = {
    openBlob: async (...args) => {
      if (asked++ > 0) return edge.server.openBlob(...args);
      const headers = { 'retry-after': '86400' };
      return { status: 503, headers, body: (async function* () {})(), discard: () => undefined };
    },
  };
  const before = edge.clock.monotonicSeconds();
  await updateFrom(blobs);
  expect(edge.clock.monotonicSeconds() - before).toBeLessThan(2 * 3600);
  expect(phases()).toEqual(Array(3600 / quickPolicy.pollSeconds).fill('downloading'));
});

it('by a slow sender is heard at each poll, and so are its reports', async () => {
  const blobs: BlobSource = {
    openBlob: async (...args) => {
      const answer = await edge.server.openBlob(...args);
      const body = (async function* () {
        for await (const chunk of answer.body) {
          edge.clock.advance(1000);
          yield chunk;
        }
      })();
      return { ...answer, body };
    },
  };
  const rateless = { ...quickPolicy.download, leastRate: { bytesPerSecond: 0, windowSeconds: 120 } };
  const device = edge.start({ blobs, policy: { ...quickPolicy, download: rateless } });
  await device.recover(never);
  edge.server.report = () => Promise.reject(new Error('the first reports do not get through'));
  const { check } = edge.server;
  edge.server.check = async (request) => {
    // From the second check on they do.
    if (edge.server.checks.length > 0) Reflect.deleteProperty(edge.server, 'report');
    return check.call(edge.server, request);
  };
  await device.check(never);
  expect(phases().length).toBeGreaterThan(1);
  expect(new Set(phases())).toEqual(new Set(['downloading']));
  expect([...edge.server.reports.values()].length).toBeGreaterThan(0);
});

it('and a server that does not answer meanwhile is no failure of the update', async () => {
  let asked = 0;
  const blobs: BlobSource = {
    openBlob: async (...args) => {
      if (asked++ > 0) {
        edge.server.isDown = false;
        return edge.server.openBlob(...args);
      }
      edge.server.isDown = true;
      const headers = { 'retry-after': '3000' };
      return { status: 503, headers, body: (async function* () {})(), discard: () => undefined };
    },
  };
  await updateFrom(blobs);
  expect(edge.told.filter((line) => line.startsWith('warning server-unreachable')).length).toBeGreaterThan(1);
});
