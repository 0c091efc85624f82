/**
 * An update whose payload comes as a Slipway delta, on a device with real files and the real process that applies it:
 * stopped at random calls and in the middle of applying, it ends with the right bytes.
 */
import { expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import type { Component, Delta } from '../../../contract/release/manifest.ts';
import { memorySource } from '../../../delta/byte-source.ts';
import { openDelta } from '../../../delta/open-delta.ts';
import type { Device } from '../../../edge-updater/device/device.ts';
import { EdgeDevice, never, quickPolicy } from '../../fakes/edge-device.ts';
import { Interruption } from '../../fakes/interruption.ts';
import { smallRelease, writeDelta } from '../../fakes/small-delta.ts';

const payload = smallRelease(30_000);
const delta = writeDelta(payload);
const { needs } = openDelta(memorySource(delta));
const filesOf = (bytes: Uint8Array, version: string) => [
  { path: 'bin/k3s', bytes },
  { path: 'version', bytes: Buffer.from(version) },
];
const patience = 3;

/** A device that runs the payload's base, and is offered its target. */
async function offered(deltaBytes: Uint8Array = delta) {
  const edge = new EdgeDevice();
  edge.server.offered = edge.publish('1.0.0', 1, filesOf(payload.base, '1.0.0')).manifest;
  const device = edge.start();
  await device.recover(never);
  await device.check(never);
  expect(device.state.current?.version).toBe('1.0.0');
  const described: Delta = {
    ...({ encoding: 'identity', format: 'slipway', needs } as const),
    ...{ length: deltaBytes.length, sha256: sha256(deltaBytes), fromSha256: sha256(payload.base) },
  };
  edge.server.blobs.set(described.sha256, deltaBytes);
  const withDelta = (component: Component) => {
    return component.installPath === 'bin/k3s' ? { ...component, deltas: [described] } : component;
  };
  const next = edge.publish('2.0.0', 2, filesOf(payload.target, '2.0.0'), withDelta);
  edge.server.offered = next.manifest;
  return { edge, next: next.digest };
}

async function update(device: Device): Promise<void> {
  await device.recover(never, patience);
  await device.check(never, patience);
}

async function expectUpdated(edge: EdgeDevice, device: Device, next: string): Promise<void> {
  expect(device.state.current?.manifestSha256).toBe(next);
  expect(edge.slots.currentLink).toBe(next);
  await edge.slots.verify(next);
}

it('moves the bytes of the delta and no more', async () => {
  const { edge, next } = await offered();
  using _ = edge;
  const device = edge.start();
  await update(device);
  await expectUpdated(edge, device, next);
  const { transfer, message } = device.state.lastAttempt ?? {};
  expect(transfer?.bytesOnWire).toBeLessThan(delta.length + 100);
  expect(message).toBeUndefined();
});

it('ends with the right bytes, stopped at random calls and while the delta is applied', async () => {
  const { edge, next } = await offered();
  using _ = edge;
  const rewind = edge.capture();
  const counter = new Interruption(0, 'fails');
  await update(edge.start({ interruption: counter }));
  const total = counter.calls.length;
  // A stride that meets every phase, without a common divisor with the calls of one.
  for (let at = 2; at <= total; at += 7) {
    rewind();
    await update(edge.start({ interruption: new Interruption(at, 'killed before') })).catch(() => undefined);
    const stop = new AbortController();
    const stopped = edge.start();
    setTimeout(() => stop.abort(), 60 + 45 * (at % 11));
    await stopped
      .recover(stop.signal, patience)
      .then(() => stopped.check(stop.signal, patience))
      .catch(() => undefined);
    const device = edge.start();
    await update(device);
    await expectUpdated(edge, device, next);
  }
});

it('says in its check and in its report that it cannot afford the delta, and takes the whole', async () => {
  const { edge, next } = await offered();
  using _ = edge;
  const device = edge.start({ policy: { ...quickPolicy, delta: { ...quickPolicy.delta, allowReencode: false } } });
  await update(device);
  await expectUpdated(edge, device, next);
  const { zstdVersions, maxMemoryBytes } = quickPolicy.delta;
  expect(edge.server.checks.at(-1)?.deltaPolicy).toMatchObject({ allowReencode: false, maxMemoryBytes, zstdVersions });
  expect(device.state.lastAttempt?.message).toContain('configuration forbids to re-encode');
  expect([...edge.server.reports.values()].at(-1)?.message).toContain('configuration forbids to re-encode');
  expect(device.state.lastAttempt?.transfer.bytesOnWire).toBeGreaterThan(payload.target.length);
});

it('falls back to the whole when the delta does not give the target', async () => {
  const wrong = writeDelta(payload, (directory) => ({
    ...directory,
    target: { ...directory.target, sha256: '0'.repeat(64) },
  }));
  const { edge, next } = await offered(wrong);
  using _ = edge;
  const device = edge.start();
  await update(device);
  await expectUpdated(edge, device, next);
  expect(device.state.lastAttempt?.message).toContain('recipe-not-reproducible');
});

it('falls back to the whole when applying would take too much memory', async () => {
  const { edge, next } = await offered();
  using _ = edge;
  const tight = { ...quickPolicy.delta, maxMemoryBytes: needs.zstd?.memoryBytes ?? 0 };
  const device = edge.start({ policy: { ...quickPolicy, delta: tight } });
  await update(device);
  await expectUpdated(edge, device, next);
  expect(device.state.lastAttempt?.message).toContain('MiB of memory');
});
