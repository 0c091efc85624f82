/** Decides which transition a person's word on a campaign means, or why it is refused. */
import { SlipwayError } from '../../../contract/errors.ts';
import type { Rollout } from '../../declaration/rollout.ts';
import type { CampaignState } from '../campaign.ts';
import type { Advance } from './advance.ts';
import type { Transition } from './transition.ts';

export const controlActions = ['pause', 'resume', 'abort', 'reopen', 'promote', 'retry'] as const;
export type ControlAction = (typeof controlActions)[number];

export type ControlStep = Transition | (Advance & { readonly kind: 'open-wave' });

/**
 * @param by who asks, as the audit log has it
 * @returns undefined where the campaign is as asked already: a completed one has nothing left to open
 * @throws SlipwayError `rollout-finished`, `rollout-held`
 */
export function controlStep(
  rollout: Rollout,
  state: CampaignState,
  action: ControlAction,
  by: string,
  now: number,
): ControlStep | undefined {
  if (state.status === 'aborted') {
    if (action === 'abort') return undefined;
    if (rollout.aborted) throw declared(rollout, 'aborted', 'reopen');
    if (action === 'reopen') return { kind: 'lift-abort', reason: `Reopened by ${by}.` };
    throw new SlipwayError('rollout-finished', `rollout ${rollout.name} of ${state.version} was aborted`, {
      hint: `Reopen it first, then ${action} it; or declare a rollout of another release.`,
    });
  }
  switch (action) {
    case 'pause':
      return state.status === 'paused' && state.stalledAt === undefined
        ? undefined
        : { kind: 'pause', reason: `Paused by ${by}.` };
    case 'resume':
      if (rollout.paused) throw declared(rollout, 'paused', state.status === 'paused' ? action : undefined);
      return state.status === 'paused' ? { kind: 'resume', reason: `Resumed by ${by}.` } : undefined;
    case 'reopen':
      if (rollout.aborted) throw declared(rollout, 'aborted', undefined);
      return undefined;
    case 'abort':
      return { kind: 'abort', reason: `Aborted by ${by}.` };
    case 'retry':
      if (rollout.aborted) throw declared(rollout, 'aborted', action);
      return { kind: 'retry', reason: `Told to try again by ${by}.` };
    case 'promote':
      return promotion(rollout, state, by, now);
    default:
      return action satisfies never;
  }
}

/** Soak, gate and dependencies are what a promotion passes over; a pause, an abort and the deadline are not. */
function promotion(rollout: Rollout, state: CampaignState, by: string, now: number): ControlStep | undefined {
  if (rollout.paused || rollout.aborted) throw declared(rollout, rollout.paused ? 'paused' : 'aborted', 'promote');
  if (state.status === 'paused') {
    throw new SlipwayError('rollout-held', `rollout ${rollout.name} of ${state.version} is paused: ${state.reason}`, {
      hint: 'Resume it first, then promote it.',
    });
  }
  const index = state.openedWaves.length;
  const wave = rollout.waves[index];
  const reason = `Promoted by ${by}.`;
  if (state.status === 'completed') return undefined;
  if (!wave) return { kind: 'complete', reason };
  if (rollout.deadline !== undefined && now >= rollout.deadline) {
    const deadline = new Date(rollout.deadline).toISOString();
    throw new SlipwayError('rollout-held', `the deadline of rollout ${rollout.name} was ${deadline}`, {
      hint: 'Move the deadline in its declaration, then promote it.',
    });
  }
  return { kind: 'open-wave', index, wave, reason };
}

/** @param then what has to be asked for once more after that; undefined where the declaration is all */
function declared({ name }: Rollout, what: 'paused' | 'aborted', then: ControlAction | undefined): SlipwayError {
  const next = then === undefined ? '' : ` Then ${then} it once more.`;
  return new SlipwayError('rollout-held', `the declaration of rollout ${name} says ${what}`, {
    hint: `Remove ${what}: true where it is declared; a declaration is changed there and nowhere else.${next}`,
  });
}
