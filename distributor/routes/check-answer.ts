/** Writes a decision as the device reads it: relative times, a permit where it is sent back, and when to ask again. */
import type { CheckAnswer, SwitchWindow } from '../../contract/device-api/check.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { PermitIssuer } from '../rollout/deciding/permit.ts';
import type {
  Decision,
  DecisionFacts,
  NoDecision,
  OpenInterval,
  RevertDecision,
  UpdateDecision,
} from '../rollout/decision.ts';

const maxDetailLength = 1000;
/** How often a device asks that was told nothing else. */
const usualPollSeconds = 15 * 60;
/** Devices that wait for the same moment come back spread over this share of their interval, at least a minute. */
const spreadShare = 0.2;
const minSpreadSeconds = 60;

export interface AnswerInput {
  readonly deviceId: string;
  readonly product: string;
  /** Without it no decision may be to go back. */
  readonly permits: PermitIssuer | undefined;
  /** Asked of the device by the operator or the fleet; undefined leaves it to the device. */
  readonly pollAfterSeconds: number | undefined;
  /** In [0, 1): spreads devices that come back for the same moment. */
  readonly chance: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function answerOf(decision: Decision, input: AnswerInput): CheckAnswer {
  switch (decision.kind) {
    case 'update':
      return offerOf(decision, input);
    case 'revert':
      return wayBackOf(decision, input);
    case 'none':
      return refusalOf(decision, input);
    default:
      return decision satisfies never;
  }
}

function offerOf(
  { rollout, wave, release, reason, isRetry, window, facts }: UpdateDecision,
  input: AnswerInput,
): CheckAnswer {
  const { targetPath, version, counter } = release;
  const switchWindow = window && switchWindowOf(window, input.now);
  // A window that closes while the answer is written; an offer without one would mean at any time.
  if (window && !switchWindow)
    return refusalOf({ kind: 'none', reason: 'outside-window', facts, until: undefined }, input);
  return {
    decision: 'update',
    reason,
    offer: {
      rollout: rollout.name,
      wave,
      targetPath,
      version,
      counter,
      switchWindow,
      ...(isRetry ? { retry: true } : {}),
    },
    ...pollOf(input.pollAfterSeconds),
  };
}

function wayBackOf({ rollout, goal, reason }: RevertDecision, input: AnswerInput): CheckAnswer {
  const { deviceId, product, permits } = input;
  const permit = permits?.issue({ product, deviceId, rollout: rollout.name, leave: goal.manifestSha256 });
  if (!permit) throw new SlipwayError('internal', 'a device is sent back without a key for permits');
  return { decision: 'revert', reason, rollout: rollout.name, permit, ...pollOf(input.pollAfterSeconds) };
}

function refusalOf({ reason, facts, until }: NoDecision, input: AnswerInput): CheckAnswer {
  return { decision: 'none', reason, detail: detailOf(facts), ...pollOf(nextPoll(until, input)) };
}

/** At the moment that the answer may change where that comes before the next usual poll; never later than usual. */
function nextPoll(until: number | undefined, { pollAfterSeconds, chance, now }: AnswerInput): number | undefined {
  if (until === undefined) return pollAfterSeconds;
  const usual = pollAfterSeconds ?? usualPollSeconds;
  const wait = Math.max(0, Math.ceil((until - now) / 1000));
  if (wait >= usual) return pollAfterSeconds;
  return Math.min(usual, wait + Math.floor(chance * Math.max(minSpreadSeconds, usual * spreadShare)));
}

function pollOf(seconds: number | undefined): { pollAfterSeconds?: number } {
  if (seconds === undefined) return {};
  return { pollAfterSeconds: Math.min(limits.maxPollSeconds, Math.max(limits.minPollSeconds, seconds)) };
}

/** The device counts seconds from the answer on: its calendar may be wrong by years. */
function switchWindowOf({ opensAt, closesAt }: OpenInterval, now: number): SwitchWindow | undefined {
  const opensInSeconds = Math.max(0, Math.ceil((opensAt - now) / 1000));
  const closesInSeconds = Math.min(limits.maxSwitchWaitSeconds, Math.floor((closesAt - now) / 1000));
  return opensInSeconds < closesInSeconds ? { opensInSeconds, closesInSeconds } : undefined;
}

function detailOf(facts: DecisionFacts): string {
  const words = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  return words.join(' ').slice(0, maxDetailLength);
}
