/**
 * What one device is to run: a pure function of the device, the rollouts, the releases, the state of the campaigns and
 * the device's own attempts. Every answer has a reason and the facts behind it.
 */
import type { CheckRequest, DeviceId } from '../../contract/device-api/check.ts';
import type { DecisionReason } from '../../contract/device-api/reasons.ts';
import { compareVersions } from '../../contract/release/version.ts';
import type { Release, ReleaseIndex } from '../catalog/releases.ts';
import type { Attempt, CampaignState } from './campaign.ts';
import type { Rollout } from './declaration.ts';
import { nextHop } from './floors.ts';
import { placeOf, waveOf } from './placement.ts';

export interface DecideInput {
  readonly deviceId: DeviceId;
  readonly device: CheckRequest;
  readonly rollouts: readonly Rollout[];
  readonly releases: ReleaseIndex;
  /** State of a rollout's campaign for a version; undefined where it has not started. */
  readonly campaign: (rollout: string, version: string) => CampaignState | undefined;
  /** What this device did before. */
  readonly attempts: readonly Attempt[];
}

/** For people and programs: names and numbers, no prose. */
export type Facts = Readonly<Record<string, string | number>>;

export type Decision =
  | {
      readonly kind: 'update';
      readonly reason: 'rollout-open' | 'floor-first';
      readonly rollout: Rollout;
      readonly wave: string;
      /** The device's place in [0, 1). */
      readonly place: number;
      /** What the campaign is about; `release` differs from it on the way over a floor. */
      readonly goal: Release;
      readonly release: Release;
      readonly facts: Facts;
    }
  | { readonly kind: 'none'; readonly reason: DecisionReason; readonly facts: Facts };

/** A verdict of one rollout. `holds`: the rollout claims the device and keeps lower priorities away from it. */
type Verdict = Decision & { readonly holds: boolean };

const settledPhases = ['idle', 'committed', 'rolled-back'];

export function decide(input: DecideInput): Decision {
  const { device } = input;
  if (!settledPhases.includes(device.phase)) {
    return { kind: 'none', reason: 'device-busy', facts: { phase: device.phase } };
  }
  const ranked = input.rollouts
    .filter((rollout) => rollout.product === device.product)
    .map((rollout) => ({ rollout, release: input.releases.find(device.product, device.platform, rollout.target) }))
    .sort(byRank);
  let first: Decision | undefined;
  let heldAbove = Number.NEGATIVE_INFINITY;
  for (const { rollout, release } of ranked) {
    if (rollout.priority < heldAbove) break;
    const verdict = judge(input, rollout, release);
    if (verdict.kind === 'update') return withoutHold(verdict);
    if (verdict.holds) heldAbove = rollout.priority;
    first ??= withoutHold(verdict);
  }
  return first ?? { kind: 'none', reason: 'no-rollout', facts: { product: device.product } };
}

type Ranked = { readonly rollout: Rollout; readonly release: Release | undefined };

/** Higher priority first, then the newer release, then the name: the same order everywhere. */
function byRank(a: Ranked, b: Ranked): number {
  return (
    b.rollout.priority - a.rollout.priority ||
    (b.release?.counter ?? 0) - (a.release?.counter ?? 0) ||
    (a.rollout.name < b.rollout.name ? -1 : 1)
  );
}

function judge(input: DecideInput, rollout: Rollout, goal: Release | undefined): Verdict {
  const { device } = input;
  const facts: Facts = { rollout: rollout.name, ...(goal ? { version: goal.version } : rollout.target) };
  const released = (reason: DecisionReason, more: Facts = {}): Verdict => no(reason, { ...facts, ...more }, false);
  const held = (reason: DecisionReason, more: Facts = {}): Verdict => no(reason, { ...facts, ...more }, true);

  if (!goal) return released('release-unknown', { platform: device.platform });
  const { current } = device;
  const ahead = current ? compareVersions(current.version, goal.version) : -1;
  if (ahead === 0) return released('up-to-date');
  if (current && (current.counter > goal.counter || ahead > 0)) {
    return released('newer-than-rollout', { current: current.version });
  }
  const campaign = input.campaign(rollout.name, goal.version);
  if (rollout.aborted || campaign?.status === 'aborted') {
    return released('rollout-aborted', campaign ? { why: campaign.reason } : {});
  }
  const hop = nextHop(goal, current?.version, input.releases);
  if (hop.kind === 'missing')
    return held('floor-first', { floor: hop.floor, missing: 'the store has no such release' });
  const { release } = hop;
  if (failedHere(input, rollout, goal, release)) return released('release-failed-here');
  if (release.counter < device.counterFloor) {
    return released('counter-below', { counter: release.counter, counterFloor: device.counterFloor });
  }
  if (rollout.paused || campaign?.status === 'paused') return held('rollout-paused');

  const place = placeOf(rollout.name, input.deviceId);
  const wave = waveOf(place, rollout.waves);
  const opened = campaign?.openedWaves.length ?? 0;
  const placing: Facts = {
    placePercent: Math.floor(place * 10_000) / 100,
    openPercent: opened === 0 ? 0 : (rollout.waves[Math.min(opened, rollout.waves.length) - 1]?.percent ?? 0),
  };
  const waveName = wave === undefined ? undefined : rollout.waves[wave]?.name;
  if (wave === undefined || waveName === undefined) return held('wave-not-open', { ...placing, wave: 'none' });
  if (wave >= opened) return held('wave-not-open', { ...placing, wave: waveName });
  if (release.minUpdaterVersion && compareVersions(device.updaterVersion, release.minUpdaterVersion) < 0) {
    return held('updater-too-old', { updater: device.updaterVersion, needed: release.minUpdaterVersion });
  }
  const reason = release === goal ? 'rollout-open' : 'floor-first';
  const offer = { ...facts, ...placing, wave: waveName, offered: release.version };
  return { kind: 'update', reason, rollout, wave: waveName, place, goal, release, facts: offer, holds: true };
}

/** By the device's own list, or by what it reported: a device that lost its list must not loop. */
function failedHere(input: DecideInput, rollout: Rollout, goal: Release, release: Release): boolean {
  if (input.device.rejected.includes(release.manifestSha256)) return true;
  return input.attempts.some(
    (attempt) =>
      attempt.rollout === rollout.name &&
      attempt.version === goal.version &&
      attempt.offeredVersion === release.version &&
      attempt.outcome === 'rolled-back',
  );
}

function no(reason: DecisionReason, facts: Facts, holds: boolean): Verdict {
  return { kind: 'none', reason, facts, holds };
}

function withoutHold({ holds: _, ...decision }: Verdict): Decision {
  return decision;
}
