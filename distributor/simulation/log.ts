/**
 * Writes what happens in a simulation as lines of text: each transition, and on demand each answer that is news to a
 * device.
 */
import type { DecisionFacts } from '../rollout/decision.ts';
import type { SimulationObserver } from './simulate.ts';

export const logDepths = ['transitions', 'decisions'] as const;
export type LogDepth = (typeof logDepths)[number];

/** Facts that move with every poll and tell nothing new. */
const silentFacts = ['rollout', 'version', 'placePercent', 'openPercent', 'why'];

/** @param start milliseconds since 1970; lines begin with the time since then */
export function logTo(write: (line: string) => void, depth: LogDepth, start: number): SimulationObserver {
  const line = (now: number, who: string, what: string) => write(`${elapsed(now - start)}  ${who}  ${what}`);
  const transitions: SimulationObserver = {
    transition(run, transition, now) {
      const sums = run.sums(now);
      const what =
        transition.kind === 'open-wave'
          ? `opens ${transition.wave}, devices so far: ${transition.members}`
          : transition.kind;
      line(now, run.name, `${what}. ${transition.reason}`);
      if (run.state.openedWaves.length > 1 || transition.kind !== 'open-wave') {
        const { committed, failed, pending, unreachable } = sums;
        const counts = `${committed} committed, ${failed} failed, ${pending} under way, ${unreachable} unreachable`;
        line(now, run.name, `has ${counts}; ${run.onRelease} run ${run.version}`);
      }
    },
    refused: (run, action, why, now) => line(now, run.name, `does not ${action}: ${why}`),
  };
  if (depth === 'transitions') return transitions;
  const lastAnswers = new Map<string, string>();
  return {
    ...transitions,
    answered(device, decision, now) {
      const { kind, reason, facts } = decision;
      const rollout = String(facts.rollout ?? '-');
      const text = `${kind === 'update' ? `offer ${decision.release.version}` : kind}: ${reason}${factsText(facts)}`;
      if (lastAnswers.get(device.is.id) === text) return;
      lastAnswers.set(device.is.id, text);
      line(now, device.is.id, `${rollout} ${text}`);
    },
    switched: (device, release, now) => line(now, device.is.id, `switches to ${release.version}`),
    did: (device, { phase, outcome, rollout }, now) =>
      line(now, device.is.id, `${rollout} ${outcome ?? phase}${now < device.silentUntil ? ' (unheard)' : ''}`),
  };
}

function factsText(facts: DecisionFacts): string {
  const words = Object.entries(facts).filter(([name]) => !silentFacts.includes(name));
  return words.length === 0 ? '' : ` (${words.map(([name, value]) => `${name} ${value}`).join(', ')})`;
}

/** `+1d02:03:04`. */
function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':');
  return `+${Math.floor(seconds / 86_400)}d${clock}`;
}
