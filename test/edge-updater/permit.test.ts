/** Going back by permit on real files: what holds is followed once, what does not changes nothing and is reported. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Permit, signedPermitSchema } from '../../contract/trust/permit.ts';
import { permitIssuer } from '../../distributor/rollout/deciding/permit.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption, type InterruptionMode } from '../fakes/interruption.ts';
import { bitFlips, signPermit } from '../fakes/permits.ts';
import { newSigningKey, product } from '../fakes/signed-repository.ts';

let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
});
afterEach(() => edge.remove());

const rollout = 'winter';

async function install(device: Device, version: string, counter: number) {
  const release = edge.publish(version, counter, [
    { path: 'bin', bytes: bytesOf(version, 4000) },
    { path: 'other', bytes: bytesOf(`other ${version}`, 900) },
  ]);
  edge.server.offered = release.manifest;
  await device.check(never);
  expect(device.state.current?.version).toBe(version);
  return release.digest;
}

/** A device on 2.0.0 that was on 1.0.0 before. */
async function updated() {
  const device = edge.start();
  await device.recover(never);
  const first = await install(device, '1.0.0', 1);
  const second = await install(device, '2.0.0', 2);
  return { device, first, second };
}

let ids = 0;
function permitTo(leave: string, change: Partial<Permit> = {}): Permit {
  ids++;
  const expires = new Date(edge.clock.now() + 24 * 3_600_000).toISOString();
  const id = `permit-${ids}`.padEnd(24, '0');
  return { schemaVersion: 1, kind: 'permit', product, deviceId: edge.deviceId, rollout, leave, expires, id, ...change };
}

function answerWith(permit: ReturnType<typeof signPermit>, named = rollout) {
  edge.server.answer = { decision: 'revert', reason: 'rollout-aborted', rollout: named, permit };
}

const lastReport = () => [...edge.server.reports.values()].at(-1);

describe('a permit of the distributor', () => {
  it('brings the previous release back from local bytes, and the server learns it', async () => {
    const { device, first, second } = await updated();
    const key = edge.repository.keys.permits;
    const issuer = permitIssuer({
      signer: { keyId: key.keyId, sign: (bytes) => key.sign(bytes).sig },
      clock: () => edge.clock.now(),
      newId: () => 'issued-by-the-server',
    });
    answerWith(issuer.issue({ product, deviceId: edge.deviceId, rollout, leave: second }));
    edge.server.blobs.clear();
    const { attempt } = await device.check(never);
    expect(attempt).toMatchObject({ outcome: 'rolled-back', code: 'reverted-by-permit', version: '2.0.0' });
    expect([edge.slots.currentLink, edge.service.running]).toEqual([first, first]);
    expect(lastReport()).toMatchObject({ rollout, outcome: 'rolled-back', code: 'reverted-by-permit' });
    expect(device.state).toMatchObject({ counterFloor: 2, rejected: [{ manifestSha256: second }] });
    expect(device.state.previous).toBeUndefined();
  });

  it('ends the wait of an update for its window, as a forged one does not', async () => {
    const { device, first, second } = await updated();
    edge.server.offered = edge.publish('3.0.0', 3, [{ path: 'bin', bytes: bytesOf('3', 100) }]).manifest;
    edge.server.switchWindow = { opensInSeconds: 10, closesInSeconds: 20 };
    await device.check(never);
    expect(device.waiting).toBeDefined();
    answerWith(signPermit(permitTo(second), newSigningKey()));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'permit-invalid' });
    expect(device.waiting).toMatchObject({ version: '3.0.0', opensInSeconds: 10 });
    await device.sendReports(never);
    expect(lastReport()).toMatchObject({ code: 'permit-invalid', version: '2.0.0' });
    answerWith(signPermit(permitTo(second), edge.repository.keys.permits));
    await device.check(never);
    expect([edge.slots.currentLink, device.waiting]).toEqual([first, undefined]);
  });

  it('is judged by keys that were revoked a moment ago as revoked', async () => {
    const { device, second } = await updated();
    const old = edge.repository.keys.permits;
    edge.repository.delegatePermitsTo(newSigningKey(), new Date(edge.clock.now()));
    answerWith(signPermit(permitTo(second), old));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'permit-invalid' });
    expect(edge.slots.currentLink).toBe(second);
  });

  it('works once: a replay after the release came back changes nothing', async () => {
    const { device, second } = await updated();
    const permit = signPermit(permitTo(second), edge.repository.keys.permits);
    answerWith(permit);
    await device.check(never);
    // The answer that came twice: the release to leave runs no more.
    await expect(device.check(never)).rejects.toMatchObject({ code: 'permit-not-for-release' });

    edge.server.answer = undefined;
    edge.server.isRetry = true;
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', version: '2.0.0' });
    answerWith(permit);
    await expect(device.check(never)).rejects.toMatchObject({ code: 'permit-used' });
    const restarted = edge.start();
    await restarted.recover(never);
    await expect(restarted.check(never)).rejects.toMatchObject({ code: 'permit-used' });
    expect(edge.slots.currentLink).toBe(second);
  });

  it.each([
    'fails',
    'killed before',
    'killed after',
  ] as readonly InterruptionMode[])('ends on the previous release, or waits for the next answer, wherever a call %s', async (mode) => {
    const { first, second } = await updated();
    answerWith(signPermit(permitTo(second), edge.repository.keys.permits));
    const rewind = edge.capture();
    const counter = new Interruption(0, 'fails');
    await edge.start({ interruption: counter }).check(never, 3);
    expect(counter.calls.length).toBeGreaterThan(8);
    for (let at = 1; at <= counter.calls.length; at++) {
      rewind();
      const what = `call ${at}, ${counter.calls[at - 1]}, ${mode}`;
      await edge
        .start({ interruption: new Interruption(at, mode) })
        .check(never, 3)
        .catch(() => undefined);
      const device = edge.start();
      await device.recover(never, 3);
      const { currentLink } = edge.slots;
      expect([first, second], what).toContain(currentLink);
      expect(device.state.update.phase, what).toBe('idle');
      expect(device.state.current?.manifestSha256, what).toBe(currentLink);
      if (currentLink === second) await device.check(never, 3);
      expect(edge.slots.currentLink, what).toBe(first);
      expect(edge.service.running, what).toBe(first);
    }
  });
});

describe('what is no permit for this device', () => {
  type Case = [string, string, (leave: string) => void];
  const key = () => edge.repository.keys.permits;
  const cases: Case[] = [
    ['of a stranger', 'permit-invalid', (leave) => answerWith(signPermit(permitTo(leave), newSigningKey()))],
    [
      'of the key that signs releases',
      'permit-invalid',
      (leave) => answerWith(signPermit(permitTo(leave), edge.repository.keys.product)),
    ],
    [
      'of the key that signs the timestamp',
      'permit-invalid',
      (leave) => answerWith(signPermit(permitTo(leave), edge.repository.keys.online)),
    ],
    [
      'for another device',
      'permit-not-for-device',
      (leave) => answerWith(signPermit(permitTo(leave, { deviceId: 'wt-2' }), key())),
    ],
    [
      'for another product',
      'permit-not-for-device',
      (leave) => answerWith(signPermit(permitTo(leave, { product: 'k0s' }), key())),
    ],
    ['for another release', 'permit-not-for-release', () => answerWith(signPermit(permitTo('9'.repeat(64)), key()))],
    ['for another rollout', 'permit-invalid', (leave) => answerWith(signPermit(permitTo(leave), key()), 'summer')],
    [
      'that has expired',
      'permit-expired',
      (leave) =>
        answerWith(signPermit(permitTo(leave, { expires: new Date(edge.clock.now() - 1).toISOString() }), key())),
    ],
  ];

  it.each(cases)('%s changes nothing and is reported as %s', async (_, code, send) => {
    const { device, second } = await updated();
    send(second);
    const { outbox: _o, nextSequence: _n, lastRefusal: _l, ...before } = device.state;
    await expect(device.check(never)).rejects.toMatchObject({ code });
    const { outbox, nextSequence, lastRefusal, ...after } = device.state;
    expect(after).toEqual(before);
    expect([edge.slots.currentLink, edge.service.running]).toEqual([second, second]);
    await device.sendReports(never);
    expect(lastReport()).toMatchObject({ code, version: '2.0.0', phase: 'idle' });
    expect(lastReport()?.outcome).toBeUndefined();
  });

  it('a bit-flipped one never goes back, whichever bit it is', async () => {
    const { device, second } = await updated();
    // What breaks the schema is no answer and never comes so far.
    const flips = [...bitFlips(signPermit(permitTo(second), key()))].flatMap(
      ({ value }) => signedPermitSchema.safeParse(value).data ?? [],
    );
    // Each one costs a refresh of the trusted set: a spread of them here, all of them in the contract's own test.
    for (const permit of flips.filter((_, index) => index % 37 === 0)) {
      answerWith(permit);
      await expect(device.check(never)).rejects.toMatchObject({ code: 'permit-invalid' });
      expect(edge.slots.currentLink).toBe(second);
    }
  });

  it('an expired one stays so on a device whose clock goes back', async () => {
    const { device, second } = await updated();
    const permit = permitTo(second, { expires: new Date(edge.clock.now() + 60_000).toISOString() });
    edge.clock.advance(120);
    // The time that this check believes is the floor from now on.
    edge.server.offered = edge.publish('1.5.0', 2, [{ path: 'bin', bytes: bytesOf('x', 10) }]).manifest;
    await expect(device.check(never)).rejects.toMatchObject({ code: 'counter-not-greater' });
    edge.clock.jumpTo(Date.parse('2026-11-15T00:00:00Z'));
    answerWith(signPermit(permit, key()));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'permit-expired' });
    expect(edge.slots.currentLink).toBe(second);
  });

  it('a good one on a device without a previous release is reported, and nothing more', async () => {
    const device = edge.start();
    await device.recover(never);
    const only = await install(device, '1.0.0', 1);
    answerWith(signPermit(permitTo(only), key()));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'nothing-to-roll-back-to' });
    await device.sendReports(never);
    expect(lastReport()).toMatchObject({ code: 'nothing-to-roll-back-to', rollout });
    expect([edge.slots.currentLink, device.state.rejected]).toEqual([only, []]);
  });

  it('one that cannot be judged for want of a network is not reported, and holds later', async () => {
    const { device, first, second } = await updated();
    answerWith(signPermit(permitTo(second), key()));
    const metadata = edge.server.metadata.bind(edge.server);
    edge.server.metadata = async (name) => {
      edge.server.isDown = true;
      return metadata(name);
    };
    await expect(device.check(never)).rejects.toMatchObject({ code: 'server-unreachable' });
    edge.server.metadata = metadata;
    edge.server.isDown = false;
    await device.check(never);
    expect(edge.slots.currentLink).toBe(first);
    expect([...edge.server.reports.values()].filter((report) => report.code === 'server-unreachable')).toEqual([]);
  });
});

describe('a retry', () => {
  it('lifts the rejection once: what fails again is rejected again', async () => {
    const { device, second } = await updated();
    const sick = edge.publish('3.0.0', 3, [{ path: 'bin', bytes: bytesOf('3', 4000) }]);
    edge.service.sick.add(sick.digest);
    edge.server.offered = sick.manifest;
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'rolled-back' });
    expect((await device.check(never)).answer).toMatchObject({ reason: 'release-failed-here' });

    edge.server.isRetry = true;
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'rolled-back' });
    expect(device.state.rejected).toMatchObject([{ manifestSha256: sick.digest }]);
    expect(edge.slots.currentLink).toBe(second);

    edge.service.sick.delete(sick.digest);
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', version: '3.0.0' });
    expect(device.state.rejected).toEqual([]);
  });

  it('does not bring a release below the counter floor, rejected or not', async () => {
    const { device } = await updated();
    await device.rollBack(never);
    edge.server.isRetry = true;
    edge.server.offered = edge.publish('1.1.0', 2, [{ path: 'bin', bytes: bytesOf('1.1', 400) }]).manifest;
    await expect(device.check(never)).rejects.toMatchObject({ code: 'counter-not-greater' });
  });
});
