import { describe, expect, it } from 'vitest';
import { type DeviceQuery, deviceFilter, deviceQuerySchema } from '../../../distributor/fleet/device-filter.ts';
import type { DeviceView } from '../../../distributor/fleet/view.ts';

const now = Date.UTC(2026, 0, 2);
const device = (changes: Partial<DeviceView> = {}): DeviceView => ({
  ...{ id: 'gate-1', product: 'edge', platform: 'linux/amd64', status: 'accepted', role: 'server', counterFloor: 1 },
  ...{ labels: { region: 'south', tier: 'a' }, labelsByRule: { region: 'north' }, acknowledgedThrough: 0 },
  ...{ enrolledAt: '2026-01-01T00:00:00.000Z', lastSeenAt: '2026-01-01T23:00:00.000Z', phase: 'idle' },
  current: { version: '1.0.0', counter: 1, manifestSha256: '1'.repeat(64) },
  ...changes,
});
const reported = device({
  ...{ wave: { rollout: 'r', name: 'canary' } },
  lastReport: { at: '2026-01-01T00:00:00Z', version: '2.0.0', phase: 'downloading', outcome: 'failed' },
});
const chooses = (query: DeviceQuery, one: DeviceView) => deviceFilter(query, now)?.(one);

describe('a list of devices', () => {
  it('needs no look at any where all are asked for', () => expect(deviceFilter({}, now)).toBeUndefined());

  it.each<[string, DeviceQuery, DeviceView, boolean]>([
    ['a label that a rule gives', { label: 'region=north' }, device(), true],
    ['a label of its own that a rule replaces', { label: 'region=south' }, device(), false],
    ['several labels that hold together', { label: ['region=north', 'tier=a'] }, device(), true],
    ['several labels of which one does not hold', { label: ['region=north', 'tier=b'] }, device(), false],
    ['a label that it has otherwise', { label: 'tier!=a' }, device(), false],
    ['a label that it does not have', { label: 'rack!=7' }, device(), true],
    ['a value with an equals sign', { label: 'note=a=b' }, device({ labels: { note: 'a=b' } }), true],
    ['a name that every object has', { label: 'constructor!=x' }, device(), true],
    ['its wave', { wave: 'canary' }, reported, true],
    ['another wave', { wave: 'all' }, reported, false],
    ['a wave, in none', { wave: 'canary' }, device({ wave: { rollout: 'r' } }), false],
    ['the version of its last report', { version: '2.0.0' }, reported, true],
    ['the version that it runs after a report of another', { version: '1.0.0' }, reported, false],
    ['the version that it runs, before its first report', { version: '1.0.0' }, device(), true],
    ['the phase of its last report', { phase: 'downloading' }, reported, true],
    ['the phase of its last check, before its first report', { phase: 'idle' }, device(), true],
    ['the outcome of its last report', { outcome: 'failed' }, reported, true],
    ['no outcome, before its first report', { outcome: 'none' }, device(), true],
    ['no outcome, with one', { outcome: 'none' }, reported, false],
    ['silence for 30 minutes, heard an hour ago', { silentSince: '30m' }, device(), true],
    ['silence for 2 hours, heard an hour ago', { silentSince: '2h' }, device(), false],
    ['silence since an instant after it was heard', { silentSince: '2026-01-01T23:00:01Z' }, device(), true],
    ['silence since an instant before it was heard', { silentSince: '2026-01-01T22:00:00+00:00' }, device(), false],
    ['both its wave and another outcome', { wave: 'canary', outcome: 'committed' }, reported, false],
  ])('by %s', (_what, query, one, expected) => expect(chooses(query, one)).toBe(expected));

  it('takes a device that was never heard of for silent since it enrolled', () => {
    const { lastSeenAt: _, ...silent } = device();
    expect([chooses({ silentSince: '23h' }, silent), chooses({ silentSince: '25h' }, silent)]).toEqual([true, false]);
  });

  it.each([
    { label: 'north' },
    { label: '=x' },
    { phase: 'asleep' },
    { outcome: 'well' },
    { silentSince: 'monday' },
  ])('is not asked for by %j', (query) => expect(deviceQuerySchema.safeParse(query).success).toBe(false));
});
