import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CampaignState, CampaignStatus } from '../../../../distributor/rollout/campaign.ts';
import { type ControlAction, controlActions, controlStep } from '../../../../distributor/rollout/campaigns/control.ts';
import {
  applyTransitionTo,
  type Transition,
  transitionKinds,
  unstarted,
} from '../../../../distributor/rollout/campaigns/transition.ts';
import { noon, opened, rollout, state, wave } from '../deciding.ts';

const key = { rollout: 'to-1.2.0', version: '1.2.0' };
const reason = 'because';
const open = (index: number, upTo: number): Transition => ({
  kind: 'open-wave',
  index,
  wave: `w${index}`,
  upTo,
  members: 1,
  reason,
});
const simple = (kind: Exclude<Transition['kind'], 'open-wave' | 'raise-wave'>): Transition => ({ kind, reason });
const run = (...transitions: Transition[]) =>
  transitions.reduce<CampaignState | undefined>(
    (before, transition, index) => applyTransitionTo(before, key, transition, noon + index) ?? before,
    undefined,
  );

describe('a transition', () => {
  it('opens waves in order, each once, and closes the one before', () => {
    const first = applyTransitionTo(undefined, key, open(0, 0.1), noon);
    expect(first?.openedWaves).toEqual([{ name: 'w0', openedAt: noon, closedAt: undefined, upTo: 0.1, members: 1 }]);
    expect(applyTransitionTo(first, key, open(0, 0.1), noon)).toBeUndefined();
    expect(applyTransitionTo(first, key, open(2, 0.5), noon)).toBeUndefined();
    const second = applyTransitionTo(first, key, open(1, 0.5), noon + 1);
    expect(second?.openedWaves.map(({ closedAt }) => closedAt)).toEqual([noon + 1, undefined]);
  });

  it('never lets a wave reach less far than the one before', () => {
    expect(applyTransitionTo(run(open(0, 0.5)), key, open(1, 0.4), noon)).toBeUndefined();
  });

  it('raises a wave and those after it that would be below', () => {
    const two = run(open(0, 0.1), open(1, 0.3));
    const raise = (upTo: number): Transition => ({ kind: 'raise-wave', index: 0, upTo, members: 7, reason });
    const bounds = (upTo: number) =>
      applyTransitionTo(two, key, raise(upTo), noon)?.openedWaves.map((found) => found.upTo);
    expect(bounds(0.2)).toEqual([0.2, 0.3]);
    expect(bounds(0.4)).toEqual([0.4, 0.4]);
    expect(bounds(0.1)).toBeUndefined();
  });

  it('opens an empty wave for those who come, with the soak from then on', () => {
    const empty = run({ ...open(0, 1), members: 0 } as Transition);
    const raised = applyTransitionTo(
      empty,
      key,
      { kind: 'raise-wave', index: 0, upTo: 1, members: 3, reason },
      noon + 99,
    );
    expect(raised?.openedWaves).toMatchObject([{ upTo: 1, members: 3, openedAt: noon + 99 }]);
    const still: Transition = { kind: 'raise-wave', index: 0, upTo: 1, members: 0, reason };
    expect(applyTransitionTo(empty, key, still, noon)).toBeUndefined();
  });

  it('counts retries, and forgets a stall when somebody has looked', () => {
    expect(run(open(0, 1), simple('retry'), simple('retry'))?.generation).toBe(2);
    const stalled = run(open(0, 1), simple('stall'));
    expect(stalled).toMatchObject({ status: 'paused', stalledAt: noon + 1 });
    expect(applyTransitionTo(stalled, key, simple('resume'), noon)).toMatchObject({
      status: 'active',
      stalledAt: undefined,
    });
  });

  const anyTransition: fc.Arbitrary<Transition> = fc
    .record({ kind: fc.constantFrom(...transitionKinds), index: fc.nat(3), upTo: fc.constantFrom(0.1, 0.3, 0.6, 1) })
    .map(({ kind, index, upTo }) =>
      kind === 'open-wave' || kind === 'raise-wave'
        ? { kind, index, wave: `w${index}`, upTo, members: 1, reason }
        : { kind, reason },
    );

  it('leads from an abort only by a person’s word, and never lowers a bound, whatever comes', () =>
    fc.assert(
      fc.property(fc.array(anyTransition, { maxLength: 20 }), (transitions) => {
        let before: CampaignState = unstarted(key, noon);
        for (const transition of transitions) {
          const after = applyTransitionTo(before, key, transition, noon);
          if (!after) continue;
          expect(before.status === 'aborted').toBe(transition.kind === 'lift-abort');
          const bounds = after.openedWaves.map(({ upTo }) => upTo);
          expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
          for (const [index, { upTo }] of before.openedWaves.entries())
            expect(bounds[index]).toBeGreaterThanOrEqual(upTo);
          expect(after.generation).toBeGreaterThanOrEqual(before.generation);
          before = after;
        }
      }),
    ));
});

describe('a person’s word', () => {
  const declared = rollout('1.2.0', { waves: [wave('canary', 10), wave('all', 100)] });
  const campaign = (status: CampaignStatus, waves = 1) =>
    state('1.2.0', {
      status,
      openedWaves: [opened('canary', 0.1), opened('all', 1)].slice(0, waves),
    });
  const said = (action: ControlAction, from: CampaignState, on = declared, now = noon) => {
    try {
      return controlStep(on, from, action, 'token t', now)?.kind ?? 'nothing';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it.each<[ControlAction, CampaignState, string]>([
    ['pause', campaign('active'), 'pause'],
    ['pause', campaign('paused'), 'nothing'],
    ['pause', { ...campaign('paused'), stalledAt: 1 }, 'pause'],
    ['pause', campaign('aborted'), 'rollout-finished'],
    ['resume', campaign('paused'), 'resume'],
    ['resume', campaign('active'), 'nothing'],
    ['resume', campaign('aborted'), 'rollout-finished'],
    ['abort', campaign('active'), 'abort'],
    ['abort', campaign('completed'), 'abort'],
    ['abort', campaign('aborted'), 'nothing'],
    ['promote', campaign('active'), 'open-wave'],
    ['promote', campaign('active', 2), 'complete'],
    ['promote', campaign('paused'), 'rollout-held'],
    ['promote', campaign('completed'), 'nothing'],
    ['promote', campaign('aborted'), 'rollout-finished'],
    ['retry', campaign('active'), 'retry'],
    ['retry', campaign('completed'), 'retry'],
    ['retry', campaign('aborted'), 'rollout-finished'],
    ['reopen', campaign('aborted'), 'lift-abort'],
    ['reopen', campaign('active'), 'nothing'],
    ['reopen', campaign('paused'), 'nothing'],
    ['reopen', campaign('completed'), 'nothing'],
  ])('%s', (action, from, expected) => {
    expect(said(action, from)).toBe(expected);
  });

  it('names the second step where one is not enough', () => {
    const hintOf = (action: ControlAction, from: CampaignState, on = declared) => {
      try {
        controlStep(on, from, action, 'token t', noon);
        return undefined;
      } catch (error) {
        return (error as { hint: string }).hint;
      }
    };
    expect(hintOf('retry', campaign('aborted'))).toMatch(/^Reopen it first, then retry it/);
    expect(hintOf('promote', campaign('paused'))).toMatch(/^Resume it first, then promote it/);
    expect(hintOf('resume', campaign('paused'), { ...declared, paused: true })).toMatch(/Then resume it once more/);
    expect(hintOf('reopen', campaign('aborted'), { ...declared, aborted: true })).toMatch(/Then reopen it once more/);
  });

  it('opens the last wave again where it stopped, without what failed before', () => {
    const stopped = run(open(0, 0.1), open(1, 1), simple('abort'));
    const again = applyTransitionTo(stopped, key, { kind: 'lift-abort', reason: 'Reopened by anna.' }, noon + 9);
    expect(again).toMatchObject({ status: 'active', judgedFrom: noon + 9, reason: 'Reopened by anna.' });
    expect(again?.openedWaves.map(({ closedAt }) => closedAt === undefined)).toEqual([false, true]);
    expect(applyTransitionTo(run(open(0, 1), simple('complete')), key, simple('lift-abort'), noon)).toBeUndefined();
  });

  it('keeps why a campaign completed or rests when it is told to try again', () => {
    const told: Transition = { kind: 'retry', reason: 'Told to try again by anna.' };
    const completed = run(open(0, 1), { kind: 'complete', reason: 'The last wave is through.' });
    expect(applyTransitionTo(completed, key, told, noon)).toMatchObject({ reason: 'The last wave is through.' });
    expect(applyTransitionTo(run(open(0, 1)), key, told, noon)).toMatchObject({ reason: told.reason });
  });

  it('cannot lift what the declaration says', () => {
    expect(said('resume', campaign('paused'), { ...declared, paused: true })).toBe('rollout-held');
    expect(said('promote', campaign('active'), { ...declared, paused: true })).toBe('rollout-held');
    expect(said('retry', campaign('active'), { ...declared, aborted: true })).toBe('rollout-held');
    expect(said('promote', campaign('active'), { ...declared, deadline: noon }, noon)).toBe('rollout-held');
  });

  it('always means a transition that fits', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...controlActions),
        fc.constantFrom('active', 'paused', 'completed'),
        fc.nat(2),
        (action, status, waves) => {
          const from = campaign(status as CampaignStatus, waves);
          let step: ReturnType<typeof controlStep>;
          try {
            step = controlStep(declared, from, action, 'token t', noon);
          } catch {
            return;
          }
          if (!step) return;
          const transition =
            step.kind === 'open-wave' && 'index' in step && !('upTo' in step)
              ? open(step.index, 1)
              : (step as Transition);
          expect(applyTransitionTo(from, key, transition, noon)).toBeDefined();
        },
      ),
    ));
});
