/**
 * Makes the devices of a simulation: made up from a seed so that the plan's groups have members, or a real fleet's
 * list. Which of them are out of reach or slow is drawn for each, and does not depend on how many there are.
 */
import type { Labels } from '../../contract/device-api/check.ts';
import { type Platform, platforms } from '../../contract/release/platform.ts';
import type { Version } from '../../contract/release/version.ts';
import { defaultFleet } from '../declaration/fleet.ts';
import type { Plan } from '../declaration/plan.ts';
import { defaultPractice } from '../declaration/practice.ts';
import type { Selector } from '../declaration/selector.ts';
import type { CompiledPlan } from '../rollout/compiled-plan.ts';
import { profilesOf } from './group-profiles.ts';
import { purposes, type Seeded } from './seeded.ts';
import { type Reach, VirtualDevice } from './virtual-device.ts';
import { type VirtualReleases, virtualReleases } from './virtual-releases.ts';

/** A device of a real fleet, as far as a simulation needs to know it. */
export interface KnownDevice {
  readonly id: string;
  readonly product: string;
  readonly platform: Platform;
  /** Its own, without those given by rule. */
  readonly labels: Labels;
  /** Given with its token or by the server. */
  readonly givenLabels?: Labels | undefined;
  readonly version: Version | undefined;
}

export interface FleetConditions {
  /** Share of the devices that are out of reach, 0 to 1. */
  readonly offline: number;
  /** Megabits a second: each device has one of these, more or less. */
  readonly speeds: readonly number[];
  /** Of one update, as a device downloads it. */
  readonly updateBytes: number;
  /** From the switch to the commit. */
  readonly updateSeconds: number;
  readonly start: number;
}

interface VirtualFleet {
  readonly devices: readonly VirtualDevice[];
  readonly releases: VirtualReleases;
}

const enrolledBeforeMs = 24 * 3600 * 1000;
/** Ordinary devices of which one is so much slower. */
const slowOneIn = 40;
const slowFactor = 6;

/** @param of a number of devices to make up, or the devices of a fleet */
export function virtualFleet(
  compiled: CompiledPlan,
  of: number | readonly KnownDevice[],
  conditions: FleetConditions,
  seeded: Seeded,
): VirtualFleet {
  const known = typeof of === 'number' ? madeUp(compiled.plan, of, seeded) : of;
  const used = new Set(compiled.plan.rollouts.map(({ product }) => product));
  const inUse = known.filter(({ product }) => used.has(product));
  const installed = new Map<string, Version[]>();
  for (const { product, version } of inUse) {
    if (version === undefined) continue;
    const versions = installed.get(product);
    if (!versions) installed.set(product, [version]);
    else if (!versions.includes(version)) versions.push(version);
  }
  const found = platforms.filter((platform) => inUse.some((device) => device.platform === platform));
  // Where there is no device, its releases are there all the same.
  const releases = virtualReleases(compiled.plan, found.length === 0 ? platforms.slice(0, 1) : found, installed);
  const devices = inUse.map((device, index) => {
    const { id, product, platform, givenLabels = {} } = device;
    const labels = compiled.effectiveLabels(id, device.labels, givenLabels);
    const version = device.version ?? releases.previous.get(product) ?? '';
    const release = releases.index.find(product, platform, { release: version });
    const current = { version, counter: release?.counter ?? 1, manifestSha256: release?.manifestSha256 ?? '' };
    const nature = { reach: reachOf(index, conditions.offline, seeded), ...timesOf(index, conditions, seeded) };
    const enrolledAt = conditions.start - enrolledBeforeMs;
    const location = compiled.locationOf(labels);
    const vouched = compiled.vouchedLocationOf(id, device.labels, givenLabels);
    const beginning = { id, product, platform, labels, givenLabels, location, vouched, enrolledAt, current, ...nature };
    return new VirtualDevice(index, beginning, device.labels);
  });
  meetNeighbours(devices);
  for (const device of devices) {
    const claims = compiled.plan.rollouts.filter(({ name, product }) => {
      return product === device.is.product && compiled.find(name)?.includes(device.is.labels);
    });
    device.isContested = claims.length > 1;
  }
  return { devices, releases };
}

/** Products and profiles by whole sites, so that each has about the same number of devices. */
function madeUp(plan: Plan, count: number, seeded: Seeded): KnownDevice[] {
  const kinds = [...new Set(plan.rollouts.map(({ product }) => product))].sort().flatMap((product) => {
    const names = plan.rollouts.filter((rollout) => rollout.product === product).map(({ group }) => group);
    const groups = plan.groups.filter(({ name }) => names.includes(name));
    return profilesOf(groups).map((labels) => ({ product, labels, devices: 0 }));
  });
  const { keys } = plan.fleet;
  const hasSites = usesSites(plan);
  const devices: KnownDevice[] = [];
  for (let site = 1; devices.length < count; site++) {
    const kind = kinds.reduce((least, other) => (other.devices < least.devices ? other : least));
    const size = hasSites ? 1 + Math.floor(seeded.draw(purposes.site, site) * 3) : 1;
    for (let nth = 0; nth < size && devices.length < count; nth++) {
      const name = `site-${String(site).padStart(5, '0')}`;
      const place = { [keys.site]: name, [keys.cluster]: name, [keys.role]: nth === 0 ? 'server' : 'agent' };
      devices.push({
        id: `device-${String(devices.length + 1).padStart(5, '0')}`,
        product: kind.product,
        platform: 'linux/arm64',
        labels: hasSites ? { ...place, ...kind.labels } : kind.labels,
        version: undefined,
      });
      kind.devices++;
    }
  }
  return devices;
}

/** Whether the plan says anything of its own about sites, clusters or roles. */
function usesSites({ fleet, rollouts, groups }: Plan): boolean {
  const keys = [fleet.keys.site, fleet.keys.cluster, fleet.keys.role];
  const names = ({ matchLabels, matchExpressions }: Selector) =>
    [...Object.keys(matchLabels), ...matchExpressions.map(({ key }) => key)].some((key) => keys.includes(key));
  const usual = JSON.stringify(defaultPractice.concurrency);
  return (
    JSON.stringify(fleet.keys) !== JSON.stringify(defaultFleet.keys) ||
    rollouts.some(({ concurrency }) => JSON.stringify(concurrency) !== usual) ||
    groups.some(({ selector }) => names(selector)) ||
    fleet.labels.some(({ when, set }) => names(when) || Object.keys(set).some((key) => keys.includes(key)))
  );
}

function reachOf(index: number, offline: number, seeded: Seeded): Reach {
  const drawn = seeded.draw(purposes.reach, index);
  if (drawn >= offline) return 'always';
  return drawn < offline / 2 ? 'never' : 'falls-silent';
}

function timesOf(index: number, conditions: FleetConditions, seeded: Seeded): { downloadMs: number; updateMs: number } {
  const { speeds, updateBytes, updateSeconds } = conditions;
  const speed = speeds[Math.floor(seeded.draw(purposes.speedOf, index) * speeds.length)] ?? 1;
  const slower = seeded.draw(purposes.slow, index) * slowOneIn < 1 ? slowFactor : 1;
  const bytesPerMs = (speed * 125) / seeded.spread(purposes.speed, index) / slower;
  // Half as uneven as links are.
  const pace = (1 + seeded.spread(purposes.pace, index)) / 2;
  return {
    downloadMs: Math.max(1000, Math.floor(updateBytes / bytesPerMs)),
    updateMs: Math.max(1000, Math.floor(updateSeconds * 1000 * pace * (slower === 1 ? 1 : 2))),
  };
}

function meetNeighbours(devices: readonly VirtualDevice[]): void {
  const bySite = groupedBy(devices, ({ is }) => is.vouched.site);
  const byCluster = groupedBy(devices, ({ is }) => is.vouched.cluster);
  for (const device of devices) {
    const { site, cluster } = device.is.location;
    const near = new Set<VirtualDevice>();
    if (site !== undefined) for (const other of bySite.get(site) ?? []) near.add(other);
    if (cluster !== undefined) for (const other of byCluster.get(cluster) ?? []) near.add(other);
    near.delete(device);
    if (near.size > 0) device.neighbours = [...near].sort((a, b) => a.index - b.index);
  }
}

function groupedBy(
  devices: readonly VirtualDevice[],
  keyOf: (device: VirtualDevice) => string | undefined,
): Map<string, VirtualDevice[]> {
  const groups = new Map<string, VirtualDevice[]>();
  for (const device of devices) {
    const key = keyOf(device);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(device);
    else groups.set(key, [device]);
  }
  return groups;
}
