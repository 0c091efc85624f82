/** Windows on real files: download at once, switch inside, ask again after a restart, hold without a connection. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DaemonPoll, runDaemon } from '../../edge-updater/device/daemon.ts';
import type { Device } from '../../edge-updater/device/device.ts';
import { ServerBusy } from '../../edge-updater/device/server-busy.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';

let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
});
afterEach(() => edge.remove());

const window = { opensInSeconds: 3600, closesInSeconds: 7200 };
const files = (version: string) => [
  { path: 'bin', bytes: bytesOf(version, 4000) },
  { path: 'other', bytes: bytesOf(`other ${version}`, 900) },
];

/** A device on 1.0.0 that is offered 2.0.0 with a window. */
async function offered() {
  const first = edge.publish('1.0.0', 1, files('1.0.0'));
  edge.server.offered = first.manifest;
  const device = edge.start();
  await device.recover(never);
  await device.check(never);
  const next = edge.publish('2.0.0', 2, files('2.0.0'));
  edge.server.offered = next.manifest;
  edge.server.switchWindow = window;
  return { device, first: first.digest, next: next.digest };
}

const version = (device: Device) => device.state.current?.version;
const phases = () => [...edge.server.reports.values()].map((report) => `${report.version} ${report.phase}`);

describe('a release with a window', () => {
  it('is downloaded and made at once, and switched when the window opens', async () => {
    const { device, first, next } = await offered();
    expect(await device.check(never)).toMatchObject({ attempt: undefined });
    expect(device.waiting).toMatchObject({ version: '2.0.0', opensInSeconds: 3600 });
    await edge.slots.verify(next);
    expect([version(device), edge.service.running]).toEqual(['1.0.0', first]);

    edge.clock.advance(3599);
    await device.resume(never);
    expect(version(device)).toBe('1.0.0');
    edge.clock.advance(1);
    await device.resume(never);
    expect([version(device), edge.service.running]).toEqual(['2.0.0', next]);
  });

  it('is switched at once inside its window', async () => {
    const { device } = await offered();
    edge.server.switchWindow = { opensInSeconds: 0, closesInSeconds: 60 };
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', version: '2.0.0' });
  });

  it('is reported as staged once, however often the device checks', async () => {
    const { device } = await offered();
    for (let check = 0; check < 3; check++) await device.check(never);
    await device.sendReports(never);
    expect(phases().filter((phase) => phase === '2.0.0 staged')).toHaveLength(1);
    expect(edge.server.checks.slice(-2).map(({ phase }) => phase)).toEqual(['staged', 'staged']);
  });

  it('is downloaded once, however often the device checks or starts', async () => {
    const { device } = await offered();
    await device.check(never);
    edge.server.blobs.clear();
    await device.check(never);
    const again = edge.start();
    await again.recover(never);
    await again.check(never);
    edge.clock.advance(3600);
    await again.resume(never);
    expect(version(again)).toBe('2.0.0');
    expect(again.state.lastAttempt?.transfer.bytesOnWire).toBeGreaterThan(4000);
  });

  it('takes the window of the newest answer', async () => {
    const { device } = await offered();
    await device.check(never);
    edge.server.switchWindow = { opensInSeconds: 100_000, closesInSeconds: 200_000 };
    await device.check(never);
    edge.clock.advance(5000);
    await device.resume(never);
    expect(version(device)).toBe('1.0.0');
    edge.server.switchWindow = undefined;
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  });

  it('whose window has passed is not switched before the server names a new one', async () => {
    const { device } = await offered();
    await device.check(never);
    edge.clock.advance(7200);
    await device.resume(never);
    expect([version(device), device.waiting]).toEqual(['1.0.0', { version: '2.0.0' }]);
    await device.check(never);
    edge.clock.advance(3600);
    await device.resume(never);
    expect(version(device)).toBe('2.0.0');
  });

  it('is not switched after a restart before the server was asked again', async () => {
    const { device } = await offered();
    await device.check(never);
    const restarted = edge.start();
    edge.clock.advance(3600);
    await restarted.recover(never);
    await restarted.resume(never);
    expect([version(restarted), restarted.waiting]).toEqual(['1.0.0', { version: '2.0.0' }]);
    edge.server.switchWindow = { opensInSeconds: 0, closesInSeconds: 60 };
    expect((await restarted.check(never)).attempt).toMatchObject({ outcome: 'committed' });
  });

  it.each([
    '1970-01-01T00:00:00Z',
    '2126-12-01T00:00:00Z',
  ])('does not mind a wall clock that jumps to %s', async (to) => {
    const { device } = await offered();
    await device.check(never);
    edge.clock.jumpTo(Date.parse(to));
    await device.resume(never);
    expect(version(device)).toBe('1.0.0');
    edge.clock.advance(3600);
    await device.resume(never);
    expect(version(device)).toBe('2.0.0');
  });

  it('whose slot was changed while it waited is made again before the switch', async () => {
    const { device, next } = await offered();
    await device.check(never);
    edge.slots.discard(next);
    edge.clock.advance(3600);
    await device.resume(never);
    expect(version(device)).toBe('2.0.0');
    await edge.slots.verify(next);
  });

  it('is not begun when reading the slot back outlasts the window', async () => {
    const { device } = await offered();
    await device.check(never);
    const { slots } = device.world;
    const slow = new Proxy(slots, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name === 'verify') edge.clock.advance(4000);
        return value.bind(target);
      },
    });
    Object.assign(device.world, { slots: slow });
    edge.clock.advance(3600);
    await device.resume(never);
    expect([version(device), device.state.update.phase]).toEqual(['1.0.0', 'staged']);
  });
});

describe('an answer without the offer', () => {
  it.each([
    'rollout-paused',
    'rollout-aborted',
    'wave-not-open',
    'no-rollout',
  ] as const)('%s ends the wait; the slot stays for the offer that comes back', async (reason) => {
    const { device, next } = await offered();
    await device.check(never);
    edge.server.answer = { decision: 'none', reason };
    await device.check(never);
    expect([device.state.update.phase, device.waiting]).toEqual(['idle', undefined]);
    edge.clock.advance(3600);
    await device.resume(never);
    expect(version(device)).toBe('1.0.0');
    const last = [...edge.server.reports.values()].at(-1);
    await device.sendReports(never);
    expect([...edge.server.reports.values()].at(-1)).toMatchObject({
      phase: 'idle',
      message: expect.stringContaining(reason),
    });
    expect(last?.outcome).toBeUndefined();

    expect(edge.slots.has(next)).toBe(true);
    edge.server.answer = undefined;
    edge.server.switchWindow = undefined;
    edge.server.blobs.clear();
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', transfer: { bytesOnWire: 0 } });
  });

  it('from a server that has no word for it changes nothing', async () => {
    const { device } = await offered();
    await device.check(never);
    edge.server.answer = { decision: 'none', reason: 'device-busy' };
    await device.check(never);
    expect(device.waiting).toMatchObject({ opensInSeconds: 3600 });
  });

  it('but with another one is followed', async () => {
    const { device } = await offered();
    await device.check(never);
    edge.server.offered = edge.publish('3.0.0', 3, files('3.0.0')).manifest;
    edge.server.switchWindow = undefined;
    expect((await device.check(never)).attempt).toMatchObject({ version: '3.0.0', outcome: 'committed' });
    expect(edge.slots.slots().size).toBe(2);
  });

  it('that is not trusted any more is not switched', async () => {
    const { device } = await offered();
    await device.check(never);
    edge.repository.files.set('timestamp.json', Buffer.from('{}'));
    await expect(device.check(never)).rejects.toMatchObject({ code: 'metadata-malformed' });
    edge.clock.advance(3600);
    await device.resume(never);
    expect([version(device), device.waiting]).toEqual(['1.0.0', undefined]);
  });
});

describe('by hand', () => {
  it('a rollback ends the wait', async () => {
    const { device } = await offered();
    edge.server.switchWindow = undefined;
    await device.check(never);
    edge.server.offered = edge.publish('3.0.0', 3, files('3.0.0')).manifest;
    edge.server.switchWindow = window;
    await device.check(never);
    expect(device.waiting).toBeDefined();
    expect(await device.rollBack(never)).toMatchObject({ outcome: 'rolled-back', version: '2.0.0' });
    expect([version(device), device.waiting]).toEqual(['1.0.0', undefined]);
  });

  it('a rollback that is refused does not: the update waits on, and is switched in its window', async () => {
    const { device } = await offered();
    await device.check(never);
    await expect(device.rollBack(never)).rejects.toMatchObject({ code: 'nothing-to-roll-back-to' });
    expect(device.waiting).toMatchObject({ version: '2.0.0' });
    edge.clock.advance(3600);
    await device.resume(never);
    expect(version(device)).toBe('2.0.0');
  });
});

describe('the daemon', () => {
  /** Runs until `stop` says so after a poll. */
  async function run(device: Device, stop: (poll: DaemonPoll, polls: number) => boolean) {
    const polls: DaemonPoll[] = [];
    const end = new AbortController();
    const options = {
      ...{ intervalSeconds: 900, jitterPercent: 20, backoff: { baseSeconds: 15, capSeconds: 900 } },
      onReady: () => undefined,
      onPolled: (poll: DaemonPoll) => {
        polls.push(poll);
        if (stop(poll, polls.length)) end.abort();
      },
    };
    await runDaemon(device, options, end.signal).catch(() => undefined);
    return polls;
  }

  it('goes on checking while an update waits, tells of it and wakes for the window', async () => {
    const { device } = await offered();
    const beginning = edge.clock.monotonicSeconds();
    // A window is told relative to each answer.
    const opensAt = beginning + 3600;
    const check = edge.server.check.bind(edge.server);
    edge.server.check = async (request) => {
      const opensInSeconds = Math.max(0, opensAt - edge.clock.monotonicSeconds());
      edge.server.switchWindow = { opensInSeconds, closesInSeconds: opensInSeconds + 3600 };
      return check(request);
    };
    const polls = await run(device, () => version(device) === '2.0.0');
    expect(polls.length).toBeGreaterThan(3);
    expect(polls[0]).toMatchObject({ reason: 'rollout-open', waiting: { version: '2.0.0' } });
    expect(polls[0]?.message).toContain('waits for its window');
    expect(polls.at(-1)?.waiting).toBeUndefined();
    expect(edge.server.checks.filter(({ phase }) => phase === 'staged').length).toBeGreaterThan(2);
  });

  it('switches inside the window without a connection', async () => {
    const { device } = await offered();
    const polls = await run(device, (_, count) => {
      edge.server.isDown = true;
      return version(device) === '2.0.0' || count > 200;
    });
    expect(version(device)).toBe('2.0.0');
    expect(polls.at(-1)).toMatchObject({ reason: 'server-unreachable', message: expect.stringContaining('committed') });
    expect(edge.server.checks).toHaveLength(2);
  });

  it('switches inside the window without a word to a server that wants to be left alone', async () => {
    const { device } = await offered();
    const check = edge.server.check.bind(edge.server);
    let asked = 0;
    edge.server.check = async (request) => {
      asked++;
      if (asked === 1) return check(request);
      throw new ServerBusy('overloaded', 'too much', 80_000);
    };
    await run(device, () => version(device) === '2.0.0');
    expect([version(device), asked]).toEqual(['2.0.0', 2]);
  });

  it('stops cleanly while it waits, and the update waits on', async () => {
    const { device } = await offered();
    await run(device, (poll) => poll.waiting !== undefined);
    expect([device.state.update.phase, version(device)]).toEqual(['staged', '1.0.0']);
  });
});
