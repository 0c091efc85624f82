/** Lists that a device keeps within a bound: the newest entry is never the one that goes. */
import { describe, expect, it } from 'vitest';
import { judge } from '../../../edge-updater/update/giving-up.ts';
import { permitAccepted } from '../../../edge-updater/update/going-back.ts';
import { updateLimits } from '../../../edge-updater/update/limits.ts';
import { withKnown } from '../../../edge-updater/update/repairing.ts';
import type { DeviceState } from '../../../edge-updater/update/state.ts';
import { at, attempt, inPhase, moment } from './states.ts';

const digestOf = (index: number) => `${index}`.padStart(64, 'd');
const releaseOf = (index: number) => ({ version: `1.0.${index}`, counter: index, manifestSha256: digestOf(index) });

/** The same event for one more than a list may hold, each time about something else. */
function oneTooMany(limit: number, next: (state: DeviceState, index: number) => DeviceState): DeviceState {
  let state = inPhase('idle');
  for (let index = 0; index <= limit; index++) state = next(state, index);
  return state;
}

const failed = (code: 'health-lost' | 'disk-full') => (state: DeviceState, index: number) =>
  judge(state, { ...attempt, release: releaseOf(index) }, { code, message: 'm' }, moment, code === 'health-lost');

describe('a device that has met more than it can remember', () => {
  it('refuses the permits that it used last', () => {
    const { maxUsedPermits } = updateLimits;
    const { usedPermits = [] } = oneTooMany(maxUsedPermits, (state, index) => {
      const event = { kind: 'permit-accepted', attemptId: 'a', rollout: 'r', permitId: `permit-${index}` } as const;
      return { ...inPhase('idle'), usedPermits: permitAccepted(state, event, at).state.usedPermits };
    });
    expect([usedPermits.length, usedPermits[0], usedPermits.at(-1)]).toEqual([
      maxUsedPermits,
      'permit-1',
      `permit-${maxUsedPermits}`,
    ]);
  });

  it('keeps away from the releases that failed last', () => {
    const { rejected } = oneTooMany(updateLimits.maxRejected, failed('health-lost'));
    const digests = rejected.map(({ manifestSha256 }) => manifestSha256);
    expect([digests.length, digests[0], digests.at(-1)]).toEqual([
      updateLimits.maxRejected,
      digestOf(1),
      digestOf(updateLimits.maxRejected),
    ]);
  });

  it('holds the releases that it could not take last', () => {
    const { held } = oneTooMany(updateLimits.maxHeld, failed('disk-full'));
    const digests = held.map(({ manifestSha256 }) => manifestSha256);
    expect([digests.length, digests[0], digests.at(-1)]).toEqual([
      updateLimits.maxHeld,
      digestOf(1),
      digestOf(updateLimits.maxHeld),
    ]);
  });

  it('knows the releases that it ran last', () => {
    const { known } = oneTooMany(updateLimits.maxKnown, (state, index) => withKnown(state, [digestOf(index)]));
    expect([known.length, known[0], known.at(-1)]).toEqual([
      updateLimits.maxKnown,
      digestOf(1),
      digestOf(updateLimits.maxKnown),
    ]);
  });
});
