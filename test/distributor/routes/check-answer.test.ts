import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAnswerSchema } from '../../../contract/device-api/check.ts';
import { limits } from '../../../contract/limits.ts';
import type { NoDecision, UpdateDecision } from '../../../distributor/rollout/decision.ts';
import { type AnswerInput, answerOf } from '../../../distributor/routes/check-answer.ts';
import { noon, release, rollout } from '../rollout/deciding.ts';

const input: AnswerInput = {
  deviceId: 'gate-17',
  product: 'edge',
  permits: undefined,
  pollAfterSeconds: undefined,
  chance: 0.5,
  now: noon,
};
const none = (until: number | undefined): NoDecision => ({
  kind: 'none',
  reason: 'outside-window',
  until,
  facts: { wave: 'all' },
});
const offer = (window: UpdateDecision['window']): UpdateDecision => ({
  kind: 'update',
  reason: 'rollout-open',
  rollout: rollout('1.2.0'),
  wave: 'all',
  place: 0,
  goal: release(2),
  release: release(2),
  generation: 0,
  isRetry: false,
  window,
  facts: {},
});

describe('an answer', () => {
  it.each([
    ['nothing where nobody knows', undefined, undefined, undefined],
    ['what the operator asks for where nobody knows better', undefined, 300, 300],
    ['the moment the answer may change, and a part of a spread', noon + 400_000, undefined, 490],
    ['no later than usual', noon + 3600_000, 300, 300],
    ['no sooner than allowed', noon + 1000, 60, 31],
    ['soon when the moment has come', noon - 5000, undefined, 90],
  ])('tells devices to come back after %s', (_what, until, pollAfterSeconds, expected) => {
    expect(answerOf(none(until), { ...input, pollAfterSeconds }).pollAfterSeconds).toBe(expected);
  });

  it('spreads devices that wait for one moment, and never brings them back before it', () =>
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 31, max: 899 }),
        (chance, wait) => {
          const { pollAfterSeconds = 0 } = answerOf(none(noon + wait * 1000), { ...input, chance });
          expect(pollAfterSeconds).toBeGreaterThanOrEqual(wait);
          expect(pollAfterSeconds).toBeLessThan(wait + 180);
        },
      ),
    ));

  it('is what the contract says, whatever the window, and never an offer without the window it has', () =>
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 100 }), fc.integer({ min: 1, max: 5_000_000 }), (opens, lasts) => {
        const opensAt = noon + opens * 1500;
        const answer = answerOf(offer({ opensAt, closesAt: opensAt + lasts }), input);
        expect(checkAnswerSchema.parse(answer)).toEqual(answer);
        if (answer.decision !== 'update') {
          expect(answer.reason).toBe('outside-window');
          return;
        }
        const { switchWindow } = answer.offer;
        expect(switchWindow && noon + switchWindow.opensInSeconds * 1000).toBeGreaterThanOrEqual(
          Math.min(noon, opensAt),
        );
        expect(switchWindow && noon + switchWindow.closesInSeconds * 1000).toBeLessThanOrEqual(opensAt + lasts);
      }),
    ));

  it('keeps within the limits of the contract however far away the end is', () => {
    const answer = answerOf(offer({ opensAt: noon, closesAt: noon + 365 * 86_400_000 }), input);
    expect(answer).toMatchObject({
      offer: { switchWindow: { opensInSeconds: 0, closesInSeconds: limits.maxSwitchWaitSeconds } },
    });
  });
});
