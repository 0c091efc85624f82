/**
 * Every call that the update of an adopted box makes of its data, service, slots and journal × {it fails, killed before it,
 * killed after it}: the box ends on one whole release over data that this release wrote, and nothing holds it.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Device } from '../../edge-updater/device/device.ts';
import { AdoptedBox } from '../fakes/adopted-box.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption, type InterruptionMode } from '../fakes/interruption.ts';

const modes: readonly InterruptionMode[] = ['fails', 'killed before', 'killed after'];
const patience = 3;
/** Calls before the box goes down are those of any update: update-matrix.test.ts has them. */
const isOfBox = (call: string) => /^(data|service|journal)\.|^slots\.(point|prune)|^health/.test(call);

const isLong = process.env.SLIPWAY_LONG === '1';

const allScenarios = [
  { name: 'a good release', isSick: false, storage: 2 },
  { name: 'a release that migrates the datastore and is sick', isSick: true, storage: 2 },
  { name: 'a sick release that the older one can live with', isSick: true, storage: 1 },
] as const;
/** The last one goes the same way as the one before it: `npm run test:long`. */
const scenarios = allScenarios.slice(0, isLong ? 3 : 2);

async function prepare({ isSick, storage }: (typeof allScenarios)[number]) {
  const edge = new EdgeDevice();
  const box = new AdoptedBox(edge);
  const files = (version: string) => [{ path: 'bin/k3s', bytes: bytesOf(version, 2000) }];
  const old = edge.publish('1.0.0', 1, files('1.0.0'));
  edge.server.offered = old.manifest;
  await update(edge.start({ service: box, data: box.data }));
  expect(box.running).toBe(old.digest);
  const next = edge.publish('2.0.0', 2, files('2.0.0'));
  box.storage.set(next.digest, storage);
  if (isSick) box.sick.add(next.digest);
  edge.server.offered = next.manifest;
  return { edge, box, old: old.digest, next: next.digest };
}

async function update(device: Device): Promise<void> {
  await device.recover(never, patience);
  await device.check(never, patience);
}

for (const scenario of scenarios) {
  const probe = await prepare(scenario);
  const counter = new Interruption(0, 'fails');
  const before = probe.edge.capture();
  await update(probe.edge.start({ service: probe.box, data: probe.box.data, interruption: counter }));
  before();
  probe.edge.remove();

  describe(`${scenario.name} on an adopted box`, () => {
    it.each(modes)('ends on one whole release with its own data wherever a call %s', async (mode) => {
      const { edge, box, old, next } = await prepare(scenario);
      using _ = edge;
      const rewind = edge.capture();
      let tried = 0;
      for (const [index, call] of counter.calls.entries()) {
        if (!isOfBox(call)) continue;
        const { running } = box;
        rewind();
        box.running = running === undefined ? undefined : old;
        const interruption = new Interruption(index + 1, mode);
        const what = `call ${index + 1}, ${call}, ${mode}`;
        const broken = edge.start({ service: box, data: box.data, interruption });
        await update(broken).catch(() => undefined);
        expect(interruption.hasHappened, what).toBe(true);
        tried++;

        const device = edge.start({ service: box, data: box.data });
        await device.recover(never, patience);
        expectWhole(edge, box, device, [old, next], what);
        device.forgetRejections();
        await device.check(never, patience, 'person');
        expectWhole(edge, box, device, [scenario.isSick ? old : next], what);
        expect(edge.slots.slots().size, what).toBeLessThanOrEqual(2);
      }
      expect(tried).toBeGreaterThan(8);
    });
  });

  function expectWhole(edge: EdgeDevice, box: AdoptedBox, device: Device, allowed: string[], what: string) {
    const { currentLink = 'none' } = edge.slots;
    expect(device.state.update.phase, what).toBe('idle');
    expect(allowed, what).toContain(currentLink);
    expect(device.state.current?.manifestSha256, what).toBe(currentLink);
    expect(box.running, what).toBe(currentLink);
    // The release that runs wrote last, and an older one finds nothing of a newer one.
    expect(box.data.owner, what).toBe(currentLink);
    expect(box.writers().at(-1), what).toBe(currentLink);
    if (currentLink === allowed[0] && allowed.length === 2) {
      expect(new Set(box.writers()), what).toEqual(new Set([currentLink]));
    }
    expect(box.data.isHeld, what).toBe(false);
    const own = path.join(box.dataDir, 'slipway');
    expect(existsSync(path.join(own, 'exchange.json')), what).toBe(false);
    const snapshots = path.join(own, 'snapshots');
    expect(existsSync(snapshots) ? readdirSync(snapshots).length : 0, what).toBeLessThanOrEqual(1);
  }
}
