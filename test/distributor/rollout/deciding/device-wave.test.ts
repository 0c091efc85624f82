import { describe, expect, it } from 'vitest';
import { ReleaseIndex } from '../../../../distributor/catalog/releases.ts';
import { emptyPlan } from '../../../../distributor/declaration/plan.ts';
import type { Rollout } from '../../../../distributor/declaration/rollout.ts';
import type { CampaignState } from '../../../../distributor/rollout/campaign.ts';
import { compilePlan } from '../../../../distributor/rollout/compiled-plan.ts';
import { waveOfDevice } from '../../../../distributor/rollout/deciding/device-wave.ts';
import { placeOf } from '../../../../distributor/rollout/placement.ts';
import { opened, release, rollout, running, state } from '../deciding.ts';

const lab = { name: 'lab', selector: { matchLabels: { tier: 'lab' }, matchExpressions: [] } };

interface Case {
  readonly rollouts: readonly Rollout[];
  readonly states: readonly CampaignState[];
  readonly runs?: number;
  readonly lastOffer?: { readonly rollout: string; readonly version: string };
}

function waveOf({ rollouts, states, runs = 1, lastOffer }: Case) {
  const input = {
    plan: compilePlan({ ...emptyPlan, groups: [lab], rollouts }),
    releases: new ReleaseIndex([release(1), release(2), release(3)]),
    campaign: (name: string, version: string) =>
      states.find((known) => known.rollout === name && known.version === version),
  };
  const device = { id: 'gate-17', product: 'edge', platform: 'linux/amd64' as const, enrolledAt: 0, lastOffer };
  return waveOfDevice(input, { ...device, current: running(runs) }, { tier: 'field' });
}

const beyond = placeOf('to-1.2.0', 'gate-17') / 2;

describe('the wave of a device', () => {
  it.each<[string, Case, object | undefined]>([
    ['none where nothing is declared and nothing was offered', { rollouts: [], states: [] }, undefined],
    [
      'the first open one that covers it',
      {
        rollouts: [rollout('1.2.0')],
        states: [state('1.2.0', { openedWaves: [opened('a', beyond), opened('b', 1)] })],
      },
      { rollout: 'to-1.2.0', name: 'b' },
    ],
    [
      'none yet of the rollout that decides, while no open wave covers it',
      { rollouts: [rollout('1.2.0')], states: [state('1.2.0', { openedWaves: [opened('a', beyond)] })] },
      { rollout: 'to-1.2.0' },
    ],
    [
      'that of the rollout that brings something newer, not of one with a higher claim that it is done with',
      {
        rollouts: [rollout('1.2.0', { priority: 5 }), rollout('1.3.0')],
        states: [state('1.2.0'), state('1.3.0', { openedWaves: [opened('early', 1)] })],
        runs: 2,
      },
      { rollout: 'to-1.3.0', name: 'early' },
    ],
    [
      'that of the rollout that it is done with, where none brings more',
      { rollouts: [rollout('1.2.0')], states: [state('1.2.0')], runs: 2 },
      { rollout: 'to-1.2.0', name: 'all' },
    ],
    [
      'that of its last offer, where every rollout is for others',
      {
        rollouts: [rollout('1.3.0', { group: 'lab' })],
        states: [state('1.2.0', { openedWaves: [opened('gone', 1)] })],
        lastOffer: { rollout: 'to-1.2.0', version: '1.2.0' },
      },
      { rollout: 'to-1.2.0', name: 'gone' },
    ],
    [
      'that of its last offer, where the only rollout was aborted',
      {
        rollouts: [rollout('1.3.0')],
        states: [state('1.3.0', { status: 'aborted' }), state('1.2.0')],
        lastOffer: { rollout: 'to-1.2.0', version: '1.2.0' },
      },
      { rollout: 'to-1.2.0', name: 'all' },
    ],
  ])('is %s', (_what, given, expected) => expect(waveOf(given)).toEqual(expected));
});
