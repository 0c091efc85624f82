/**
 * Makes a plan ready for deciding: what depends on declarations, releases and versions alone is worked out once and
 * looked up after that. It holds nothing of any device.
 */
import type { DeviceId, Labels } from '../../contract/device-api/check.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { compareVersions, type Version } from '../../contract/release/version.ts';
import type { Release, ReleaseIndex } from '../catalog/releases.ts';
import type { Fleet } from '../declaration/fleet.ts';
import type { Plan } from '../declaration/plan.ts';
import type { Rollout } from '../declaration/rollout.ts';
import { selects } from '../declaration/selector.ts';
import { compileLabelling, type Labeller } from '../fleet/labels/effective-labels.ts';
import { type Location, locationOf, vouchedLocation } from '../fleet/location.ts';
import { type Hop, nextHop } from './path.ts';
import { lackingFor } from './required-origin.ts';
import { WindowCalendar } from './windows.ts';

export interface CompiledRollout {
  readonly rollout: Rollout;
  /** Whether labels belong to the rollout's group. */
  readonly includes: (labels: Labels) => boolean;
  /** Undefined where it is always open. */
  readonly windows: WindowCalendar | undefined;
}

/** A rollout for one platform: its goal there, and how versions stand to it. */
export interface Ranked extends CompiledRollout {
  readonly goal: Release | undefined;
  /** @throws never; where there is no goal there is no way to it */
  readonly wayFrom: (current: Version | undefined) => WayToGoal;
}

/** How a version that a device runs stands to the goal. */
export interface WayToGoal {
  /** Negative: behind the goal · 0: the goal · positive: ahead of it. */
  readonly order: number;
  /** The way on for a device that refuses nothing; undefined where there is no goal or nothing to go. */
  readonly hop: Hop | undefined;
}

export interface CompiledPlan {
  readonly plan: Plan;
  readonly fleet: Fleet;
  readonly rollouts: readonly CompiledRollout[];
  /** What selectors see. */
  readonly effectiveLabels: Labeller;
  /** Those of them that rules give. */
  readonly labelsByRule: Labeller;
  /** Of a device, for questions about itself; by its effective labels. */
  readonly locationOf: (labels: Labels) => Location;
  /** Of a device as a neighbour of others; see vouchedLocation. */
  readonly vouchedLocationOf: (id: DeviceId, own: Labels, given?: Labels) => Location;
  /** Whether deciding about a device there looks at its neighbours. */
  readonly wantsPeers: (product: string, location: Location) => boolean;
  /** Rollouts of a product in the order of their claims: priority, then the newer release, then the name. */
  readonly ranked: (releases: ReleaseIndex, product: string, platform: Platform) => readonly Ranked[];
  readonly find: (rollout: string) => CompiledRollout | undefined;
}

/** Versions that devices say they run are as many as devices like; no more than this number is remembered. */
const maxRemembered = 4096;

export function compilePlan(plan: Plan): CompiledPlan {
  const groups = new Map(plan.groups.map(({ name, selector }) => [name, selector]));
  const rollouts = plan.rollouts.map((rollout): CompiledRollout => {
    const selector = rollout.group === undefined ? undefined : groups.get(rollout.group);
    const isUnknown = rollout.group !== undefined && selector === undefined;
    return {
      rollout,
      includes: (labels) => !isUnknown && (selector === undefined || selects(selector, labels)),
      windows: rollout.windows.length === 0 ? undefined : new WindowCalendar(rollout.windows),
    };
  });
  const byName = new Map(rollouts.map((compiled) => [compiled.rollout.name, compiled]));
  const lines = new WeakMap<ReleaseIndex, Map<string, readonly Ranked[]>>();
  const limitsSites = new Set(
    plan.rollouts.filter(({ concurrency }) => concurrency.perSite !== undefined).map(({ product }) => product),
  );
  const { keys, labels: rules, labelsFromDevice = true } = plan.fleet;
  const labelling = compileLabelling(rules, labelsFromDevice);
  return {
    plan,
    fleet: plan.fleet,
    rollouts,
    effectiveLabels: (...device) => labelling(...device).effective,
    labelsByRule: (...device) => labelling(...device).ruled,
    locationOf: (labels: Labels) => locationOf(keys, labels),
    vouchedLocationOf(id, own, given) {
      const { effective, ruled } = labelling(id, own, given);
      return vouchedLocation(keys, effective, { ...given, ...ruled });
    },
    wantsPeers: (product, { site, cluster }) =>
      cluster !== undefined || (site !== undefined && limitsSites.has(product)),
    find: (name) => byName.get(name),
    ranked(releases, product, platform) {
      const known = lines.get(releases) ?? new Map<string, readonly Ranked[]>();
      if (known.size === 0) lines.set(releases, known);
      const line = `${product} ${platform}`;
      let ranked = known.get(line);
      if (!ranked) {
        ranked = rank(rollouts, releases, product, platform);
        remember(known, line, ranked);
      }
      return ranked;
    },
  };
}

function rank(
  rollouts: readonly CompiledRollout[],
  releases: ReleaseIndex,
  product: string,
  platform: Platform,
): readonly Ranked[] {
  return rollouts
    .filter(({ rollout }) => rollout.product === product)
    .map((compiled): Ranked => {
      const goal = releases.find(product, platform, compiled.rollout.target);
      const known = new Map<Version | undefined, WayToGoal>();
      const wayFrom = (current: Version | undefined): WayToGoal => {
        const found = known.get(current);
        return found ?? remember(known, current, wayToGoal(goal, current, compiled.rollout, releases));
      };
      return { ...compiled, goal, wayFrom };
    })
    .sort(byRank);
}

function wayToGoal(
  goal: Release | undefined,
  current: Version | undefined,
  rollout: Rollout,
  releases: ReleaseIndex,
): WayToGoal {
  if (!goal) return { order: -1, hop: undefined };
  const order = current === undefined ? -1 : compareVersions(current, goal.version);
  const { maxMinorStep } = rollout;
  const isRefused = (release: Release) => lackingFor(rollout, release).length > 0;
  const input = { goal, current, releases, maxMinorStep, isRefused };
  return { order, hop: order < 0 ? nextHop(input) : undefined };
}

/** The same order everywhere. */
function byRank(a: Ranked, b: Ranked): number {
  return (
    b.rollout.priority - a.rollout.priority ||
    (b.goal?.counter ?? 0) - (a.goal?.counter ?? 0) ||
    (a.rollout.name < b.rollout.name ? -1 : 1)
  );
}

function remember<K, V>(known: Map<K, V>, key: K, value: V): V {
  if (known.size >= maxRemembered) known.clear();
  known.set(key, value);
  return value;
}

/** Ids and labels of a product's devices, as far as a rollout's group has them. */
export function isMember(
  plan: CompiledPlan,
  { includes }: CompiledRollout,
  device: { readonly id: DeviceId; readonly labels: Labels; readonly givenLabels: Labels },
): boolean {
  return includes(plan.effectiveLabels(device.id, device.labels, device.givenLabels));
}
