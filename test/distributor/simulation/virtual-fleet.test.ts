import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../../distributor/declaration/plan.ts';
import { compilePlan } from '../../../distributor/rollout/compiled-plan.ts';
import { Seeded } from '../../../distributor/simulation/seeded.ts';
import { virtualFleet } from '../../../distributor/simulation/virtual-fleet.ts';
import { rolloutText } from './simulated.ts';

const conditions = { offline: 0.4, speeds: [8], updateBytes: 5e6, updateSeconds: 1200, start: Date.UTC(2026, 0, 5) };
const waves = '  waves: [{name: all, percent: 100}]';

function fleetOf(text: string, devices = 300) {
  const plan = parsePlan([{ name: 'plan.yaml', text }]);
  const compiled = compilePlan(plan);
  return { ...virtualFleet(compiled, devices, conditions, new Seeded(1)), compiled };
}

const groupText = (name: string, selector: string) =>
  `---\napiVersion: slipway/v1\nkind: Group\nmetadata: {name: ${name}}\nspec: {selector: ${selector}}\n`;

describe('a made-up fleet', () => {
  it('is in the group of its only rollout as a whole', () => {
    const selector =
      '{matchLabels: {tier: edge}, matchExpressions: [{key: region, operator: In, values: [north, south]}, {key: gpu, operator: Exists}, {key: old, operator: DoesNotExist}, {key: region, operator: NotIn, values: [north]}]}';
    const { devices, compiled } = fleetOf(`${rolloutText(`  group: some\n${waves}`)}\n${groupText('some', selector)}`);
    expect(devices.every(({ is }) => compiled.find('edge')?.includes(is.labels))).toBe(true);
  });

  it('has equal shares of groups that exclude each other, and none of groups nobody uses', () => {
    const { devices } = fleetOf(
      `${rolloutText(`  group: lab\n${waves}`)}\n---\n${rolloutText(`  group: field\n${waves}`).replace('name: edge', 'name: other')}\n` +
        groupText('lab', '{matchLabels: {environment: lab}}') +
        groupText('field', '{matchExpressions: [{key: environment, operator: NotIn, values: [lab]}]}') +
        groupText('unused', '{matchLabels: {environment: space}}'),
    );
    const labs = devices.filter(({ is }) => is.labels.environment === 'lab');
    expect(labs.length).toBe(150);
    expect(devices.filter(({ is }) => is.labels.environment === 'space')).toEqual([]);
  });

  it('stands in sites of one to three, a server and its agents, where the plan speaks of them', () => {
    const { devices } = fleetOf(rolloutText(`  concurrency: {perSite: 2}\n${waves}`));
    const sizes = new Map<string, number>();
    for (const { is } of devices) sizes.set(is.location.site ?? '', (sizes.get(is.location.site ?? '') ?? 0) + 1);
    expect([...new Set(sizes.values())].sort()).toEqual([1, 2, 3]);
    expect(devices.filter(({ is }) => is.location.role === 'server').length).toBe(sizes.size);
    // What made-up devices say of themselves makes nobody a neighbour.
    expect(devices.every(({ neighbours }) => neighbours.length === 0)).toBe(true);
    expect(fleetOf(rolloutText(waves)).devices.every(({ is }) => is.location.site === undefined)).toBe(true);
  });

  it('meets its neighbours where the fleet takes devices at their word, or a rule says where they stand', () => {
    const rollout = rolloutText(`  concurrency: {perSite: 2}\n${waves}`);
    const fleet = (spec: string) =>
      fleetOf(`${rollout}\n---\napiVersion: slipway/v1\nkind: Fleet\nmetadata: {name: f}\nspec: ${spec}\n`).devices;
    const trusting = fleet('{keys: {fromDevice: true}}').filter(({ neighbours }) => neighbours.length > 0);
    expect(trusting.length).toBeGreaterThan(100);
    for (const { is, neighbours } of trusting) {
      expect(neighbours.map((other) => other.is.location.cluster)).toEqual(neighbours.map(() => is.location.cluster));
    }
    const ruled = fleet('{labels: [{when: {ids: ["device-0000*"]}, set: {slipway.io/cluster: one}}]}');
    expect(ruled.filter(({ neighbours }) => neighbours.length === 8)).toHaveLength(9);
    expect(ruled.filter(({ neighbours }) => neighbours.length === 0)).toHaveLength(291);
  });

  it('moves nobody when it grows: what a device is like depends on the seed and its number', () => {
    const nature = (devices: number) =>
      fleetOf(rolloutText(waves), devices)
        .devices.slice(0, 100)
        .map(({ is }) => [is.id, is.reach, is.downloadMs, is.updateMs]);
    expect(nature(100)).toEqual(nature(1000));
  });

  it('has the share out of reach that was asked for, half of it never heard of', () => {
    const { devices } = fleetOf(rolloutText(waves), 10_000);
    const never = devices.filter(({ is }) => is.reach === 'never').length;
    const silent = devices.filter(({ is }) => is.reach === 'falls-silent').length;
    expect(Math.abs(never - 2000)).toBeLessThan(150);
    expect(Math.abs(silent - 2000)).toBeLessThan(150);
  });
});

describe('the releases of a simulation', () => {
  const versionsOf = (text: string) =>
    fleetOf(text)
      .releases.index.all()
      .map(({ version }) => version);

  it('are those that the plan names and one before them', () => {
    expect(versionsOf(rolloutText(waves))).toEqual(['1.33.8+k3s1', '1.33.9+k3s1']);
    const first = rolloutText(waves).replace('1.33.9+k3s1', '1.33.0+k3s1');
    expect(versionsOf(first)).toEqual(['1.32.0+k3s1', '1.33.0+k3s1']);
  });

  it('give a channel a version of its own, and fill minor versions in between', () => {
    const channel = rolloutText(waves).replace('release: 1.33.9+k3s1', 'channel: stable');
    expect(versionsOf(channel)).toEqual(['1.0.0', '1.0.1']);
    const later = rolloutText(waves)
      .replace('name: edge', 'name: later')
      .replace('1.33.9', 'v1.35.2')
      .replace('vv', 'v');
    expect(versionsOf(`${rolloutText(waves)}\n---\n${later}`)).toEqual([
      '1.33.8+k3s1',
      '1.33.9+k3s1',
      'v1.34.0+k3s1',
      'v1.35.2+k3s1',
    ]);
  });
});
