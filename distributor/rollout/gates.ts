/** Whether an open wave has shown enough: its own evidence and what the user's checks found. Decides from numbers alone. */
import type { Abort, GateCheck } from '../declaration/gate.ts';
import type { Wave } from '../declaration/wave.ts';
import { reachedOf, settledOf, type WaveCounts } from './campaign.ts';

/** What a check of the user's own found for one wave. */
export interface GateResult {
  /** The check's. */
  readonly name: string;
  /** `unknown`: it could not be asked, or has not been yet. */
  readonly verdict: 'passed' | 'failed' | 'unknown';
  /** The numbers behind it, one sentence. */
  readonly detail: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
}

/** Asks a user's check; whatever goes wrong on the way is the verdict `unknown`. */
export interface GateProbe {
  ask(check: GateCheck, now: number): Promise<GateResult>;
}

export type GateVerdict =
  | { readonly kind: 'open'; readonly detail: string }
  | {
      readonly kind: 'closed';
      readonly reason: 'nobody-reached' | 'sample-too-small' | 'gate-not-met' | 'check-failed' | 'check-unknown';
      readonly detail: string;
    };

/**
 * A wave without a single known device has nothing to prove; one with devices needs as many results as declared, or of
 * all its members, and enough successes among those it reached; then every check of the user's must pass.
 *
 * Failures too few to abort for are too few to hold the wave for, as long as more devices committed than failed: a gate
 * of 95 % would never open for ten devices of which one failed. So with a gate and an abort that add up to 100 %, a wave
 * without pending devices opens the next one or stops the rollout, and does not stall in between.
 */
export function judgeGate(wave: Wave, abort: Abort, counts: WaveCounts, results: readonly GateResult[]): GateVerdict {
  const { gate, name } = wave;
  const reached = reachedOf(counts);
  const settled = settledOf(counts);
  if (counts.members > 0 || reached > 0) {
    if (reached === 0) return closed('nobody-reached', `No device of wave ${name} was reached yet.`);
    const needed = Math.min(gate.minSample, Math.max(counts.members, reached));
    const text = `${counts.committed} of ${reached} reached devices of wave ${name} committed`;
    if (settled < needed) return closed('sample-too-small', `${text}; ${settled} of ${needed} needed have a result.`);
    if (counts.committed * 100 < gate.successPercent * judgedOf(counts, abort)) {
      return closed('gate-not-met', `${text}; the gate is ${gate.successPercent} %.`);
    }
  }
  for (const check of gate.checks) {
    const result = results.find((found) => found.name === check.name);
    const verdict = result?.verdict ?? 'unknown';
    const detail = `Check ${check.name}: ${result?.detail ?? 'not asked yet.'}`;
    if (verdict !== 'passed') return closed(verdict === 'failed' ? 'check-failed' : 'check-unknown', detail);
  }
  const checks = gate.checks.length === 0 ? '' : `, ${gate.checks.length} checks passed`;
  if (reached === 0) return { kind: 'open', detail: `No known device belongs to wave ${name}${checks}.` };
  const isTolerant = judgedOf(counts, abort) < reached;
  const few = isTolerant ? `, ${counts.failed} failed, fewer than the ${abort.minFailures} that count` : '';
  return {
    kind: 'open',
    detail: `${counts.committed} of ${reached} reached devices of wave ${name} committed${few}${checks}.`,
  };
}

/** Reached devices that the gate's percentage is of: without failures that are too few to say anything. */
export function judgedOf(counts: WaveCounts, { minFailures }: Abort): number {
  const { committed, failed } = counts;
  return failed < minFailures && committed > failed ? reachedOf(counts) - failed : reachedOf(counts);
}

function closed(reason: (GateVerdict & { kind: 'closed' })['reason'], detail: string): GateVerdict {
  return { kind: 'closed', reason, detail };
}
