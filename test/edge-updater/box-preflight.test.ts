/** What a device does with an objection: a curable one holds the release and is told, and nothing is stopped for it. */
import { describe, expect, it } from 'vitest';
import type { Box } from '../../edge-updater/box/box.ts';
import type { Preflight } from '../../edge-updater/effects/require-fit-box.ts';
import type { BoxFacts, ProgramRun } from '../../edge-updater/preflight/facts.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { update } from '../fakes/box-start.ts';
import { EdgeDevice, never, quickPolicy } from '../fakes/edge-device.ts';
import { publishK3s } from './updated-box.ts';

const from = '1.33.9+k3s1';

class FakePreflight implements Preflight {
  changes: Partial<BoxFacts> = {};
  version: ProgramRun;
  asked: string[] = [];

  constructor(version: string) {
    this.version = { kind: 'ended', status: 0, stdout: `k3s version v${version} (0)`, stderr: '' };
  }

  async facts(box: Box, now: number): Promise<BoxFacts> {
    this.asked.push('facts');
    return {
      ...{ box, now, serverVersion: undefined, certificates: [], dropIns: [], requestedApis: [], processes: [] },
      ...{ autopilot: undefined, availableBytes: 2 ** 32, ...this.changes },
    };
  }

  async programs(_: Box, program: string) {
    this.asked.push(program);
    return { version: this.version, checks: [] };
  }
}

async function offered(to: string) {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  const old = publishK3s(edge, from, 1);
  edge.server.offered = old.manifest;
  await update(edge.start({ service: box, data: box.data }));
  const next = publishK3s(edge, to, 2);
  edge.server.offered = next.manifest;
  const preflight = new FakePreflight(to);
  const found: Box = {
    ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
    ...{ dataDir: box.dataDir, version: `v${from}`, datastore: { kind: 'sqlite' } },
  };
  const reader = { read: async () => ({ kind: 'box', box: found }) as const };
  const start = (policy = quickPolicy) => edge.start({ service: box, data: box.data, box: reader, preflight, policy });
  return { edge, box, old: old.digest, next: next.digest, preflight, start };
}

describe('a release against which something stands', () => {
  it('costs no byte where that is known before', async () => {
    const { edge, box, old, start } = await offered('1.35.1+k3s1');
    using _ = edge;
    const { starts } = box;
    const device = start();
    await update(device);
    expect(device.state).toMatchObject({ held: [{ code: 'skew-refused' }], rejected: [], update: { phase: 'idle' } });
    expect(device.state.lastAttempt).toMatchObject({
      ...{ outcome: 'failed', code: 'skew-refused', transfer: { bytesOnWire: 0 } },
      message: expect.stringContaining('Roll out a release of Kubernetes 1.34 first.'),
    });
    expect([box.running, box.starts]).toEqual([old, starts]);
    await device.check(never);
    expect(edge.server.checks.at(-1)).toMatchObject({ troubles: [{ code: 'skew-refused', fault: 'device' }] });
  });

  it('is held for what passes by itself, and goes on then without a byte more', async () => {
    const { edge, box, old, next, preflight, start } = await offered('1.33.10+k3s1');
    using _ = edge;
    const { starts } = box;
    preflight.changes = { availableBytes: 1000 };
    const device = start();
    await update(device);
    expect(device.state).toMatchObject({ held: [{ code: 'memory-short' }], rejected: [], update: { phase: 'idle' } });
    expect([box.running, box.starts, box.data.isHeld]).toEqual([old, starts, false]);
    const moved = device.state.lastAttempt?.transfer.bytesOnWire;
    expect(moved).toBeGreaterThan(0);
    preflight.changes = {};
    await device.check(never, 3, 'person');
    expect(box.running).toBe(next);
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'committed', transfer: { bytesOnWire: 0 } });
  });

  it('is held where a program was put over the link meanwhile', async () => {
    const { edge, box, old } = await offered('1.33.10+k3s1');
    using _ = edge;
    let asked = 0;
    // The first look is that at the offer.
    const whyNotOurs = () => (asked++ < 2 ? undefined : 'an installer ran');
    const device = edge.start({ service: box, data: box.data, whyNotOurs });
    await update(device);
    expect(device.state).toMatchObject({ held: [{ code: 'unit-not-ours' }], rejected: [] });
    expect([box.running, asked]).toEqual([old, 3]);
  });

  it('is taken where the operator says so', async () => {
    const { edge, box, next, start } = await offered('1.35.1+k3s1');
    using _ = edge;
    await update(start({ ...quickPolicy, ignoredObjections: ['skew-refused'] }));
    expect(box.running).toBe(next);
  });

  it('is rejected where its own program is not what it says, and nothing is stopped for it', async () => {
    const { edge, box, old, next, preflight, start } = await offered('1.34.1+k3s1');
    using _ = edge;
    const { starts } = box;
    preflight.version = { kind: 'ended', status: 0, stdout: 'k3s version v1.34.0+k3s1 (0)', stderr: '' };
    const device = start();
    await update(device);
    expect(device.state).toMatchObject({ rejected: [{ manifestSha256: next, code: 'program-broken' }], held: [] });
    expect([box.running, box.starts]).toEqual([old, starts]);
    expect(preflight.asked.at(-1)).toContain(`/slots/${next}/bin/k3s`);
  });
});
