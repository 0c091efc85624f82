/** The server offers nothing that the device would refuse: both hold the same rules, and a device has a history. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReleaseManifest } from '../../../contract/release/manifest.ts';
import { encodeManifest, targetPath } from '../../../contract/release/manifest.ts';
import { decide } from '../../../distributor/rollout/deciding/decide.ts';
import { acceptRelease, type Candidate } from '../../../edge-updater/update/acceptance.ts';
import { withKnown } from '../../../edge-updater/update/repairing.ts';
import { blankState, type DeviceState } from '../../../edge-updater/update/state.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { inputOf, opened, release, rollout, state } from './deciding.ts';

const facts = { product, platform: 'linux/amd64', updaterVersion: '1.0.0' } as const;

function candidateOf(manifest: ReleaseManifest): Candidate {
  const custom = { counter: manifest.counter, channels: [] };
  return { manifest, manifestSha256: encodeManifest(manifest).sha256, path: targetPath(manifest), custom };
}

/** @param running the release that is current */
function refusalOf(
  candidate: Candidate,
  device: DeviceState,
  running: Candidate | undefined,
  isRetry = false,
): string | undefined {
  try {
    acceptRelease(candidate, { ...facts, distribution: running?.manifest.distribution }, device, isRetry);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What happens on a device: it installs a release where it may, or goes back, with or without a verdict. */
type Happening = { readonly installs: number } | 'goes-back' | 'rejects-and-goes-back';

function deviceAfter(happenings: readonly Happening[], candidates: readonly Candidate[]): DeviceState {
  let device: DeviceState = blankState;
  for (const happening of happenings) {
    const { current, previous } = device;
    if (typeof happening === 'object') {
      const candidate = candidates[happening.installs % candidates.length];
      if (candidate === undefined || refusalOf(candidate, device, running(device, candidates)) !== undefined) continue;
      const { version, counter } = candidate.manifest;
      const installed = { version, counter, manifestSha256: candidate.manifestSha256 };
      device = { ...device, current: installed, counterFloor: Math.max(device.counterFloor, counter) };
      if (current) device = { ...device, previous: current };
    } else if (current && previous) {
      const { previous: _, ...rest } = device;
      const at = '2026-12-01T00:00:00.000Z';
      const entry = { manifestSha256: current.manifestSha256, version: current.version, at };
      device =
        happening === 'goes-back'
          ? { ...withKnown(rest, [current.manifestSha256]), current: previous }
          : { ...rest, current: previous, rejected: [...rest.rejected, entry] };
    }
  }
  return device;
}

function running({ current }: DeviceState, candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ manifestSha256 }) => manifestSha256 === current?.manifestSha256);
}

const someLine = fc.array(
  fc.record({
    counter: fc.integer({ min: 1, max: 6 }),
    floor: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
    needsNewUpdater: fc.boolean(),
    kubernetes: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
    kubernetesFloor: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
  }),
  { minLength: 2, maxLength: 6 },
);
const someHappenings = fc.array(
  fc.oneof(fc.record({ installs: fc.nat(5) }), fc.constantFrom<Happening>('goes-back', 'rejects-and-goes-back')),
  { maxLength: 8 },
);

function withK3s(minor: number) {
  const distribution = { name: 'k3s', version: `1.${minor}.0+k3s1`, component: 'server' } as const;
  return { schemaVersion: 2, minUpdaterVersion: '0.2.0', distribution } as const;
}

describe('an offer', () => {
  it('is accepted by the device that it is made to, whatever happened to it, also where counters are equal', () => {
    let offers = 0;
    const story = fc.record({
      line: someLine,
      happenings: someHappenings,
      goal: fc.nat(5),
      maxMinorStep: fc.constantFrom(undefined, 1),
      generation: fc.nat(1),
    });
    fc.assert(
      fc.property(story, ({ line, happenings, goal, maxMinorStep, generation }) => {
        const candidates = line.map(({ counter, floor, kubernetes, kubernetesFloor, needsNewUpdater }, index) =>
          candidateOf({
            ...smallRelease(`1.${index}.0`, counter),
            floors: [
              ...(floor === undefined ? [] : [`1.${floor}.0`]),
              ...(kubernetesFloor === undefined ? [] : [`1.${kubernetesFloor}.0+k3s1`]),
            ],
            ...(kubernetes === undefined ? {} : withK3s(kubernetes)),
            ...(needsNewUpdater ? { minUpdaterVersion: '1.0.1' } : {}),
          }),
        );
        const device = deviceAfter(happenings, candidates);
        const target = `1.${goal % line.length}.0`;
        const decision = decide(
          inputOf({
            device: {
              ...{ product, current: device.current, counterFloor: device.counterFloor },
              rejected: device.rejected.map(({ manifestSha256 }) => manifestSha256),
            },
            releases: candidates.map(({ manifest, manifestSha256, path }) =>
              release(manifest.counter, {
                ...{ product, version: manifest.version, floors: manifest.floors, manifestSha256, targetPath: path },
                ...{ minUpdaterVersion: manifest.minUpdaterVersion, distribution: manifest.distribution },
              }),
            ),
            rollouts: [rollout(target, { product, maxMinorStep })],
            states: [state(target, { openedWaves: [opened('all', 1)], generation })],
          }),
        );
        if (decision.kind !== 'update') return;
        offers++;
        const offered = candidates.find(({ path }) => path === decision.release.targetPath);
        expect(offered && refusalOf(offered, device, running(device, candidates), decision.isRetry)).toBeUndefined();
      }),
      { numRuns: 5000 },
    );
    expect(offers).toBeGreaterThan(100);
  });

  it('is not made of a release with the very counter that the device runs under another version', () => {
    const two = release(2);
    const given = { releases: [release(1), two, release(3, { counter: 2 })], rollouts: [rollout('1.3.0')] };
    const current = { version: two.version, counter: 2, manifestSha256: two.manifestSha256 };
    const decision = decide(inputOf({ ...given, device: { current, counterFloor: 2 } }));
    expect(decision).toMatchObject({ kind: 'none', reason: 'counter-below' });
  });

  it('is made of the release that the device went back from, at its own counter', () => {
    const decision = decide(inputOf({ device: { counterFloor: 2 } }));
    expect(decision).toMatchObject({ kind: 'update', release: { version: '1.2.0' } });
  });
});
