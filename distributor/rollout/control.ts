/** What a person does to a campaign: which transition it means, or why it is refused. */
import { SlipwayError } from '../../contract/errors.ts';
import type { Rollout } from '../declaration/rollout.ts';
import type { Advance } from './advance.ts';
import type { CampaignState } from './campaign.ts';
import type { Transition } from './transition.ts';

export const controlActions = ['pause', 'resume', 'abort', 'promote', 'retry'] as const;
export type ControlAction = (typeof controlActions)[number];

export type ControlStep = Transition | (Advance & { readonly kind: 'open-wave' });

/**
 * @param by who asks, as the audit log has it
 * @returns undefined where the campaign is as asked already
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
    throw new SlipwayError('rollout-finished', `rollout ${rollout.name} of ${state.version} was aborted`, {
      hint: 'Declare a rollout of another release, or one with another name.',
    });
  }
  switch (action) {
    case 'pause':
      return state.status === 'paused' && state.stalledAt === undefined
        ? undefined
        : { kind: 'pause', reason: `Paused by ${by}.` };
    case 'resume':
      if (rollout.paused) throw declared(rollout, 'paused');
      return state.status === 'paused' ? { kind: 'resume', reason: `Resumed by ${by}.` } : undefined;
    case 'abort':
      return { kind: 'abort', reason: `Aborted by ${by}.` };
    case 'retry':
      if (rollout.aborted) throw declared(rollout, 'aborted');
      return { kind: 'retry', reason: `Told to try again by ${by}.` };
    case 'promote':
      return promotion(rollout, state, by, now);
    default:
      return action satisfies never;
  }
}

/** Soak, gate and dependencies are what a promotion passes over; a pause, an abort and the deadline are not. */
function promotion(rollout: Rollout, state: CampaignState, by: string, now: number): ControlStep {
  if (rollout.paused || rollout.aborted) throw declared(rollout, rollout.paused ? 'paused' : 'aborted');
  if (state.status === 'paused') {
    throw new SlipwayError('rollout-held', `rollout ${rollout.name} of ${state.version} is paused: ${state.reason}`, {
      hint: 'Resume it first.',
    });
  }
  const index = state.openedWaves.length;
  const wave = rollout.waves[index];
  const reason = `Promoted by ${by}.`;
  if (state.status === 'completed') {
    throw new SlipwayError('rollout-finished', `rollout ${rollout.name} of ${state.version} has completed`);
  }
  if (!wave) return { kind: 'complete', reason };
  if (rollout.deadline !== undefined && now >= rollout.deadline) {
    const deadline = new Date(rollout.deadline).toISOString();
    throw new SlipwayError('rollout-held', `the deadline of rollout ${rollout.name} was ${deadline}`, {
      hint: 'Move the deadline in its declaration.',
    });
  }
  return { kind: 'open-wave', index, wave, reason };
}

function declared({ name }: Rollout, what: 'paused' | 'aborted'): SlipwayError {
  return new SlipwayError('rollout-held', `the declaration of rollout ${name} says ${what}`, {
    hint: `Remove ${what}: true where it is declared; a declaration is changed there and nowhere else.`,
  });
}
