/**
 * Every kind of bad release that migrates the datastore of an adopted box first: the box is back on the old program over the
 * datastore of before, row by row, with its files and settings.
 */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import type { HealthResult } from '../../edge-updater/ports.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { EdgeDevice } from '../fakes/edge-device.ts';
import { publishK3s } from './updated-box.ts';

interface Kind {
  /** After it has migrated, at its start. */
  readonly starts?: (box: BadBox) => void;
  readonly condition?: (secondsUp: number) => { isActive: boolean; isStarting?: boolean; crashes: number };
  readonly probe?: (secondsUp: number) => string | undefined;
  readonly code: string;
  /** Held for a trouble of the device: tried again. */
  readonly isHeld?: true;
}

const inServer = (box: BadBox, name: string) => path.join(box.dataDir, 'server', name);
const dies = (line: string) => (box: BadBox) => {
  box.lastLine = line;
  throw new SlipwayError('service-start-failed', 'ended with status 1');
};
const active = { isActive: true, crashes: 0 } as const;
const badly = (seconds: number) => (up: number) => (up >= seconds ? 'answers 500' : undefined);

const kinds: Readonly<Record<string, Kind>> = {
  'exits at once': { starts: dies('fatal: no such flag'), code: 'service-start-failed' },
  'never gets ready': { condition: () => ({ isActive: false, isStarting: true, crashes: 0 }), code: 'health-timeout' },
  'never answers its health check': { probe: badly(0), code: 'health-timeout' },
  'ends again and again': {
    condition: (up) => ({ isActive: true, crashes: Math.floor(up / 10) }),
    code: 'service-start-failed',
  },
  'is killed for the memory that it eats': {
    starts: (box) => {
      box.lastLine = 'Main process exited, code=killed, status=9/KILL';
    },
    condition: (up) => ({ isActive: up % 20 === 0, crashes: Math.floor(up / 8) }),
    code: 'service-start-failed',
  },
  'fills the disk with files of its own': {
    starts(box) {
      writeFileSync(path.join(box.dataDir, 'eaten'), Buffer.alloc(1024 * 1024));
      dies('write: no space left on device')(box);
    },
    code: 'service-start-failed',
  },
  'finds a disk that takes nothing any more': {
    starts() {
      throw new SlipwayError('disk-full', 'no space left on device');
    },
    ...{ code: 'disk-full', isHeld: true },
  },
  'corrupts the datastore in its migration': {
    starts(box) {
      truncateSync(inServer(box, 'db/state.db'), 5000);
      dies('database disk image is malformed')(box);
    },
    code: 'service-start-failed',
  },
  'deletes the datastore': {
    starts(box) {
      rmSync(inServer(box, 'db'), { recursive: true });
      dies('panic')(box);
    },
    code: 'service-start-failed',
  },
  'writes another token': {
    starts: (box) => writeFileSync(inServer(box, 'token'), 'another'),
    ...{ probe: badly(0), code: 'health-timeout' },
  },
  'has a Node that is never Ready': {
    probe: () => 'node: box-1 is not Ready (KubeletNotReady)',
    code: 'health-timeout',
  },
  'runs another version than it should': {
    probe: () => 'unit: runs k3s v1.34.0+k3s1, expected v1.34.1+k3s1',
    code: 'health-timeout',
  },
  'starts more slowly than the limit': { probe: (up) => (up < 70 ? 'starting' : undefined), code: 'health-timeout' },
  'is well at first and then is not': { probe: badly(30), code: 'health-lost' },
};

/** Takes one kind of bad release; the old one is well. */
class BadBox extends AdoptedBox {
  bad: { readonly slot: string; readonly kind: Kind } | undefined;
  readonly #now: () => number;
  #startedAt = 0;

  constructor(edge: EdgeDevice) {
    super(edge);
    this.#now = () => edge.clock.monotonicSeconds();
  }

  get #kind(): Kind | undefined {
    return this.running === this.bad?.slot ? this.bad?.kind : undefined;
  }

  get #secondsUp(): number {
    return this.#now() - this.#startedAt;
  }

  override async restart(): Promise<void> {
    await super.restart();
    this.#startedAt = this.#now();
    this.#kind?.starts?.(this);
  }

  override async condition() {
    const { isActive, ...rest } = this.#kind?.condition?.(this.#secondsUp) ?? active;
    return { ...rest, isActive: isActive && this.running !== undefined, detail: 'as the kind has it' };
  }

  override async probe(): Promise<HealthResult> {
    const trouble = this.#kind?.probe?.(this.#secondsUp);
    return { isHealthy: trouble === undefined, detail: trouble ?? 'well' };
  }
}

async function offered(kind: Kind, to = '1.34.1+k3s1') {
  const edge = new EdgeDevice();
  const box = new BadBox(edge);
  const old = publishK3s(edge, '1.33.9+k3s1', 1);
  edge.server.offered = old.manifest;
  await update(startOf(edge, box));
  const next = publishK3s(edge, to, 2);
  edge.server.offered = next.manifest;
  box.storage.set(next.digest, 2);
  box.bad = { slot: next.digest, kind };
  return { edge, box, old: old.digest, next: next.digest, before: [box.dump(), box.token, box.configuration] as const };
}

async function expectAsBefore(
  box: BadBox,
  old: string,
  [rows, token, settings]: Awaited<ReturnType<typeof offered>>['before'],
) {
  const after = box.dump();
  expect(after.slice(0, rows.length)).toEqual(rows);
  // The old release was started once more, and wrote that.
  expect(after.slice(rows.length)).toEqual([{ writer: old, version: 1, token: rows.at(-1)?.token }]);
  expect([box.token, box.configuration]).toEqual([token, settings]);
  expect([box.running, await box.data.owner(), box.data.isHeld]).toEqual([old, old, false]);
  expect(box.linkedPayloads).toEqual([box.payloadOf(old), box.payloadOf(old)]);
}

describe('a box is as it was before a release that migrates and', () => {
  it.each(Object.entries(kinds))('%s', async (_, kind) => {
    const { edge, box, old, next, before } = await offered(kind);
    using __ = edge;
    const device = startOf(edge, box);
    await update(device);
    await expectAsBefore(box, old, before);
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'rolled-back', code: kind.code });
    const judged = kind.isHeld ? device.state.held : device.state.rejected;
    expect(judged.map(({ manifestSha256 }) => manifestSha256)).toEqual([next]);
    expect(device.state.stranded).toBeUndefined();
  });

  it('takes the updater down with it each time', async () => {
    const { edge, box, old, before } = await offered({ code: 'probation-interrupted' });
    using _ = edge;
    const { probe } = box;
    const codes: (string | undefined)[] = [];
    for (let start = 0; start < 4; start++) {
      const machine = new AbortController();
      // A process that is gone is told by its signal.
      box.probe = () => {
        if (box.running === box.bad?.slot) machine.abort();
        return probe.call(box);
      };
      const device = startOf(edge, box);
      await device.recover(machine.signal, patience).catch(() => undefined);
      if (start === 0) await device.check(machine.signal, patience).catch(() => undefined);
      codes.push(device.state.update.phase === 'idle' ? device.state.lastAttempt?.code : device.state.update.phase);
    }
    expect(codes).toEqual(['probation', 'probation', 'probation', 'probation-interrupted']);
    await expectAsBefore(box, old, before);
  });
});

it('a release that starts slowly within the limit is kept', async () => {
  const { edge, box, next } = await offered({ probe: (up) => (up < 40 ? 'starting' : undefined), code: '' });
  using _ = edge;
  const device = startOf(edge, box);
  await update(device);
  expect(box.running).toBe(next);
  expect(device.state).toMatchObject({ current: { manifestSha256: next }, rejected: [], held: [] });
});
