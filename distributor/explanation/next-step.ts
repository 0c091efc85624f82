/**
 * Says what happens next to a device and what it depends on: one sentence for each reason of a decision, and what holds
 * it.
 */
import type { DecisionReason } from '../../contract/device-api/reasons.ts';
import type { Fault } from '../../contract/errors.ts';
import type { HeldBy } from '../fleet/condition.ts';
import type { DecisionFacts } from '../rollout/decision.ts';

type Sentence = (facts: DecisionFacts, until: string | undefined) => string;

const sentences: Record<DecisionReason, Sentence> = {
  'rollout-open': ({ offered, opensAt, closesAt }) =>
    opensAt === undefined
      ? `Its next check is answered with ${offered}.`
      : `Its next check is answered with ${offered}; it may switch from ${opensAt} until ${closesAt}.`,
  'floor-first': ({ offered, version }) =>
    `Its next check is answered with ${offered}, which may not be skipped on the way to ${version}.`,
  'skew-first': ({ offered, version }) =>
    `Its next check is answered with ${offered}, a minor version on the way to ${version}.`,
  'revert-on-abort': () => 'Its next check is answered with a permit to go back to its previous release.',
  'up-to-date': () => 'Nothing: it has what the rollout brings.',
  'newer-than-rollout': ({ current }) => `Nothing: it runs ${current}, and no rollout takes a device back.`,
  'no-rollout': () => 'Nothing until a rollout for its product is declared.',
  'wave-not-open': (_facts, until) =>
    until === undefined
      ? 'It is offered the release when a wave that covers its place opens; that depends on the gate of the open one.'
      : `The next wave opens at ${until} at the earliest, if the gate of the open one holds.`,
  'rollout-paused': ({ why }) => `Nothing until it is resumed. ${why ?? ''}`.trim(),
  'rollout-stalled': ({ why }) =>
    `Nothing until somebody looks and resumes, promotes or aborts it. ${why ?? ''}`.trim(),
  'rollout-aborted': () => 'Nothing: this rollout offers this version no more.',
  'release-unknown': ({ platform }) => `It waits until the store has such a release for ${platform}.`,
  'release-failed-here': () => 'Nothing until the rollout is told to retry, or brings another release.',
  'counter-below': ({ counter, counterFloor }) =>
    `Nothing: the device refuses counter ${counter}, it has committed ${counterFloor}.`,
  'updater-too-old': ({ needed }) => `It waits until its edge-updater is ${needed} or newer.`,
  'device-busy': ({ phase }) => `It is asked again when it is done (${phase}).`,
  'not-in-group': ({ group }) => `Nothing unless its labels or the group ${group} change.`,
  'outside-window': ({ opensAt }, until) =>
    opensAt === undefined
      ? 'No window opens within the next two weeks.'
      : `It is offered the release from ${until ?? opensAt} on; the window opens at ${opensAt}.`,
  'deadline-passed': () => 'Nothing until the deadline is moved in the declaration.',
  'waiting-for-rollout': ({ after }) => `It starts when completed: ${after}.`,
  'site-busy': ({ updating, limit }) =>
    `It is offered the release when fewer than ${limit} of its site update (now ${updating}).`,
  'servers-first': ({ serversBehind, server, serverPlacePercent, openPercent }) =>
    `It follows when the ${serversBehind} servers of its cluster that are behind run the release.${
      serverPlacePercent === undefined
        ? ''
        : ` Server ${server} is in a later wave: its place is ${serverPlacePercent} %, waves are open up to ${openPercent} %.`
    }`,
  'cluster-busy': ({ role, updating, limit }) =>
    `It is offered the release when fewer than ${limit} ${role}s of its cluster update (now ${updating}).`,
  'budget-spent': ({ perSeconds }) => `It is offered the release when bytes of the last ${perSeconds} s are behind.`,
  'release-unattested': ({ offered, lacking }) =>
    `It waits until ${offered} is replaced by a release that has: ${lacking}.`,
  'path-missing': ({ needed }) => `It waits until the store has ${needed}.`,
};

/** @param until as an ISO instant; undefined where only an event changes the answer */
export function nextStep(reason: DecisionReason, facts: DecisionFacts, until: string | undefined): string {
  return sentences[reason](facts, until);
}

const holders: Record<Fault, string> = {
  release: 'The release did not work on it',
  device: 'It is held by a trouble of its own',
  path: 'It is held by what carries the bytes to it',
};

/** Whose fault it is that a device does not get on, the code, and when it tries again. */
export function heldSentence({ fault, code, message, nextTryAt }: HeldBy): string {
  const why = message === undefined || message === '' ? code : `${code}: ${message.replace(/[.\s]+$/, '')}`;
  const again = nextTryAt === undefined ? '' : `; it tries again at ${nextTryAt} by its own clock`;
  return `${holders[fault]} (${why})${again}.`;
}
