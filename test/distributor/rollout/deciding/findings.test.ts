import { describe, expect, it } from 'vitest';
import { findingsOf } from '../../../../distributor/rollout/deciding/findings.ts';
import { placeOf } from '../../../../distributor/rollout/placement.ts';
import { attempt, type Case, inputOf, noon, opened, release, rollout, running, state } from '../deciding.ts';

const runs = { current: running(2) };
const goal = release(2).manifestSha256;
const place = placeOf('to-1.2.0', 'gate-17');
const failed = attempt('1.2.0', { outcome: 'rolled-back' });
const found = attempt('1.2.0', { offeredAt: undefined, foundAt: noon - 1 });

const textOf = (given: Case) =>
  findingsOf(inputOf(given)).map((finding) => `${finding.kind} ${finding.rollout} ${finding.version}`);

describe('a check of a device', () => {
  it('that runs the release finds it, with its place and the generation of the campaign', () => {
    const states = [state('1.2.0', { generation: 3 })];
    expect(findingsOf(inputOf({ device: runs, states }))).toEqual([
      { kind: 'runs', rollout: 'to-1.2.0', version: '1.2.0', place, generation: 3, isRetry: false },
    ]);
  });

  it.each<[string, Case, string[]]>([
    ['that runs the release and was never offered it', { device: runs }, ['runs to-1.2.0 1.2.0']],
    [
      'that was offered the release and has it from elsewhere, or its report is late',
      { device: runs, attempts: [attempt('1.2.0', { phase: 'downloading' })] },
      ['runs to-1.2.0 1.2.0'],
    ],
    ['of a paused campaign', { device: runs, states: [state('1.2.0', { status: 'paused' })] }, ['runs to-1.2.0 1.2.0']],
    [
      'of a completed one',
      { device: runs, states: [state('1.2.0', { status: 'completed' })] },
      ['runs to-1.2.0 1.2.0'],
    ],
    ['that another rollout outranks', outranked(), ['runs to-1.2.0 1.2.0']],
    ['that was found before', { device: runs, attempts: [found] }, []],
    ['that reported that it committed', { device: runs, attempts: [attempt('1.2.0', { outcome: 'committed' })] }, []],
    ['that reported a failure, which stands', { device: runs, attempts: [failed] }, []],
    [
      'that reported a failure before the campaign was told to try again',
      { device: runs, attempts: [failed], states: [state('1.2.0', { generation: 1 })] },
      ['runs to-1.2.0 1.2.0'],
    ],
    [
      'that runs another build of the version',
      { device: { current: { ...running(2), manifestSha256: 'f'.repeat(64) } } },
      [],
    ],
    ['that says at once that the release failed', { device: { ...runs, rejected: [goal] } }, []],
    ['that has not proved the release yet', { device: { ...runs, phase: 'probation' } }, []],
    ['that runs something older', {}, []],
    ['that runs something newer', { device: { current: running(3) } }, []],
    ['that runs nothing', { device: { current: undefined } }, []],
    ['of a campaign that has not started', { device: runs, states: [] }, []],
    ['of an aborted campaign', { device: runs, states: [state('1.2.0', { status: 'aborted' })] }, []],
    ['of a rollout declared aborted', { device: runs, rollouts: [rollout('1.2.0', { aborted: true })] }, []],
    ['outside the group', { device: runs, rollouts: [rollout('1.2.0', { group: 'north' })] }, []],
    [
      'whose wave has not opened',
      { device: runs, states: [state('1.2.0', { openedWaves: [opened('canary', place)] })] },
      [],
    ],
    [
      'that came after a wave for some opened',
      { device: runs, enrolledAt: 1001, states: [state('1.2.0', { openedWaves: [opened('canary', 0.999999)] })] },
      [],
    ],
  ])('%s', (_whose, given, expected) => {
    expect(textOf(given)).toEqual(expected);
  });
});

describe('a device that was found running the release', () => {
  it.each<[string, Case, string[]]>([
    ['and runs something older now', {}, ['left to-1.2.0 1.2.0']],
    ['and runs nothing now', { device: { current: undefined } }, ['left to-1.2.0 1.2.0']],
    ['and fell back from it', { device: { rejected: [goal] } }, ['fell-back to-1.2.0 1.2.0']],
    ['and went on to something newer', { device: { current: running(3) } }, []],
    ['and is in the middle of an update', { device: { phase: 'probation' } }, []],
    ['and reported a result since', { attempts: [{ ...found, outcome: 'rolled-back' }] }, []],
  ])('%s', (_case, given, expected) => {
    expect(textOf({ attempts: [found], ...given })).toEqual(expected);
  });
});

function outranked(): Case {
  const rollouts = [rollout('1.2.0'), rollout('1.3.0', { priority: 5 })];
  return { device: runs, rollouts, states: [state('1.2.0'), state('1.3.0', { openedWaves: [] })] };
}
