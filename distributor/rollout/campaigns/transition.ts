/**
 * Makes changes of a campaign's state, as they are recorded: which state a change fits, and what comes of it. Stores
 * compare and set with it: a change that does not fit any more was made by another process, or is too late.
 */
import { type CampaignKey, type CampaignState, type CampaignStatus, isThrough, type OpenedWave } from '../campaign.ts';

export type Transition =
  /** Opens the wave at `index`, closes the one before; the first one makes the campaign. */
  | {
      readonly kind: 'open-wave';
      readonly index: number;
      readonly wave: string;
      readonly upTo: number;
      readonly members: number;
      readonly reason: string;
    }
  /** A wider declaration: raises the bound of an open wave, and of later ones that would be below it. */
  | {
      readonly kind: 'raise-wave';
      readonly index: number;
      readonly upTo: number;
      readonly members: number;
      readonly reason: string;
    }
  | { readonly kind: 'complete'; readonly reason: string }
  /** A completed campaign has a further wave. */
  | { readonly kind: 'reopen'; readonly reason: string }
  | { readonly kind: 'pause'; readonly reason: string }
  /** Paused because a gate did not hold for too long. */
  | { readonly kind: 'stall'; readonly reason: string }
  | { readonly kind: 'resume'; readonly reason: string }
  | { readonly kind: 'abort'; readonly reason: string }
  /** A person takes an abort back: what failed before is no evidence any more. */
  | { readonly kind: 'lift-abort'; readonly reason: string }
  /** Devices that failed are offered the release once more. */
  | { readonly kind: 'retry'; readonly reason: string };

export const transitionKinds = [
  'open-wave',
  'raise-wave',
  'complete',
  'reopen',
  'pause',
  'stall',
  'resume',
  'abort',
  'lift-abort',
  'retry',
] as const satisfies readonly Transition['kind'][];

/**
 * The state after `transition`, or undefined where it does not fit `state`.
 * @param state undefined for a campaign that has not started
 * @param at milliseconds since 1970
 */
export function applyTransitionTo(
  state: CampaignState | undefined,
  key: CampaignKey,
  transition: Transition,
  at: number,
): CampaignState | undefined {
  const before = state ?? unstarted(key, at);
  const openedWaves = wavesAfter(before, transition, at);
  const status = statusAfter(before, transition);
  if (openedWaves === undefined || status === undefined) return undefined;
  const generation = before.generation + (transition.kind === 'retry' ? 1 : 0);
  const stalledAt = transition.kind === 'stall' ? at : keepsStall(transition) ? before.stalledAt : undefined;
  const judgedFrom = transition.kind === 'lift-abort' ? at : before.judgedFrom;
  // Another try says nothing about why a campaign rests.
  const reason = transition.kind === 'retry' && status !== 'active' ? before.reason : transition.reason;
  return { ...before, status, openedWaves, generation, stalledAt, judgedFrom, reason, changedAt: at };
}

/** A person who pauses or resumes a stalled campaign has looked at it. */
function keepsStall({ kind }: Transition): boolean {
  return kind === 'retry' || kind === 'raise-wave';
}

/** A campaign that nothing has happened to. */
export function unstarted({ rollout, version }: CampaignKey, at: number): CampaignState {
  const reason = 'Declared.';
  const none = { openedWaves: [], generation: 0, stalledAt: undefined, judgedFrom: undefined };
  return { rollout, version, status: 'active', reason, ...none, createdAt: at, changedAt: at };
}

function statusAfter(before: CampaignState, { kind }: Transition): CampaignStatus | undefined {
  const { status } = before;
  switch (kind) {
    case 'open-wave':
      return status === 'active' ? status : undefined;
    case 'raise-wave':
    case 'retry':
      return status === 'aborted' ? undefined : status;
    case 'complete':
      return status === 'active' ? 'completed' : undefined;
    case 'reopen':
      return status === 'completed' ? 'active' : undefined;
    case 'stall':
      return status === 'active' ? 'paused' : undefined;
    case 'pause':
      return status === 'aborted' ? undefined : 'paused';
    case 'resume':
      if (status !== 'paused') return undefined;
      return isThrough(before) ? 'completed' : 'active';
    case 'abort':
      return status === 'aborted' ? undefined : 'aborted';
    case 'lift-abort':
      return status === 'aborted' ? 'active' : undefined;
    default:
      return kind satisfies never;
  }
}

function wavesAfter(
  { openedWaves }: CampaignState,
  transition: Transition,
  at: number,
): readonly OpenedWave[] | undefined {
  const closed = () => openedWaves.map((wave) => ({ ...wave, closedAt: wave.closedAt ?? at }));
  switch (transition.kind) {
    case 'open-wave': {
      const { index, wave: name, upTo, members } = transition;
      if (index !== openedWaves.length || upTo < (openedWaves.at(-1)?.upTo ?? 0)) return undefined;
      return [...closed(), { name, openedAt: at, closedAt: undefined, upTo, members }];
    }
    case 'raise-wave': {
      const { index, upTo, members } = transition;
      const raised = openedWaves[index];
      if (!raised) return undefined;
      const isFilled = raised.members === 0 && members > 0 && upTo >= raised.upTo;
      if (upTo <= raised.upTo && !isFilled) return undefined;
      return openedWaves.map((wave, nth) => {
        if (nth < index || wave.upTo > upTo) return wave;
        // Nobody was in it: it opens for those who are there now.
        return { ...wave, upTo, members, openedAt: wave.members === 0 ? at : wave.openedAt };
      });
    }
    case 'complete':
    case 'abort':
      return closed();
    case 'lift-abort':
      return openedWaves.map((wave, nth) => (nth === openedWaves.length - 1 ? { ...wave, closedAt: undefined } : wave));
    default:
      return openedWaves;
  }
}
