/**
 * Decides whether an open wave has shown enough: its own evidence and what the user's checks found. It decides from
 * numbers alone.
 */
import type { Abort, GateCheck } from '../../declaration/gate.ts';
import type { Wave } from '../../declaration/wave.ts';
import { failuresOf, heldOf, reachedOf, settledOf, type WaveCounts } from '../standing.ts';
import { highestRate, isBelow, successesNeeded } from './confidence.ts';

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

export type GateReason =
  | 'nobody-in-group'
  | 'nobody-reached'
  | 'sample-too-small'
  | 'soaking'
  | 'devices-held'
  | 'gate-not-met'
  | 'confidence-too-low'
  | 'check-failed'
  | 'check-unknown';

type GateVerdict =
  | { readonly kind: 'open'; readonly detail: string }
  | { readonly kind: 'closed'; readonly reason: GateReason; readonly detail: string };

interface GateInput {
  readonly wave: Wave;
  readonly abort: Abort;
  /** Of each opened wave, the one that is judged last. */
  readonly counts: readonly WaveCounts[];
  readonly results: readonly GateResult[];
  /** Whether a rollout with nobody in it may go on. */
  readonly allowEmpty: boolean;
}

/**
 * The evidence of the wave itself, then the user's checks. A success counts when its soak is over; where only soaking
 * stands between the wave and its gate, the verdict is `soaking`. A part of the group that is empty has nothing to
 * prove; a group that is empty never passes, unless that is allowed.
 */
export function judgeGate(input: GateInput): GateVerdict {
  const { wave, counts, results, allowEmpty } = input;
  const own = counts.at(-1);
  const members = counts.reduce((sum, slice) => sum + slice.members, 0);
  const isEmpty = own === undefined || (own.members === 0 && reachedOf(own) + heldOf(own) + own.lost === 0);
  if (isEmpty && !allowEmpty && counts.every((slice) => reachedOf(slice) === 0)) {
    if (members > 0)
      return closed('nobody-reached', `No device of wave ${wave.name} or one before it was reached yet.`);
    return closed('nobody-in-group', `No known device belongs to wave ${wave.name} or one before it.`);
  }
  const evidence = isEmpty ? undefined : (judgeEvidence(input, own) ?? judgeConfidence(input, own));
  if (evidence) return evidence;
  for (const check of wave.gate.checks) {
    const result = results.find((found) => found.name === check.name);
    const verdict = result?.verdict ?? 'unknown';
    const detail = `Check ${check.name}: ${result?.detail ?? 'not asked yet.'}`;
    if (verdict !== 'passed') return closed(verdict === 'failed' ? 'check-failed' : 'check-unknown', detail);
  }
  const checks = wave.gate.checks.length === 0 ? '' : `, ${wave.gate.checks.length} checks passed`;
  if (isEmpty) return { kind: 'open', detail: `No known device belongs to wave ${wave.name}${checks}.` };
  return { kind: 'open', detail: `${countsText(wave, own)}${toleratedText(own, input.abort)}${checks}.` };
}

/**
 * Failures too few to abort for are too few to hold the wave for, as long as more devices committed than failed: a gate
 * of 95 % would never open for ten devices of which one failed. So it is with devices that are held or fell silent in
 * the middle: a few of them hold up nobody, many of them do. Undefined where the evidence suffices.
 */
function judgeEvidence({ wave, abort }: GateInput, own: WaveCounts): GateVerdict | undefined {
  const { gate } = wave;
  const text = countsText(wave, own);
  const reached = reachedOf(own);
  const missing = heldOf(own) + own.lost;
  if (reached === 0) {
    if (missing > 0)
      return closed('devices-held', `${missingText(own)} of wave ${wave.name}, and no other was reached.`);
    if (own.waiting > 0)
      return closed('nobody-reached', `${own.waiting} devices of wave ${wave.name} have it and wait for their window.`);
    return closed('nobody-reached', `No device of wave ${wave.name} was reached yet.`);
  }
  const needed = neededOf(wave, own);
  const settled = settledOf(own);
  const all = asIfSoaked(own);
  if (settled < needed) {
    const why = `${text}; ${settled} of ${needed} needed have a result${own.committed > own.soaked ? ' and have soaked' : ''}.`;
    return closed(settledOf(all) < needed ? 'sample-too-small' : 'soaking', why);
  }
  const holds = (counts: WaveCounts, base: number) => counts.soaked * 100 >= gate.successPercent * base;
  const judged = judgedOf(own, abort);
  if (holds(own, judged)) return undefined;
  if (holds(all, judged)) return closed('soaking', `${text}; ${own.soaked} of them have soaked.`);
  if (missing > 0 && holds(all, judgedOf({ ...own, heldByDevice: 0, heldByPath: 0, lost: 0 }, abort))) {
    return closed('devices-held', `${text}; ${missingText(own)}.`);
  }
  return closed('gate-not-met', `${text}; the gate is ${gate.successPercent} %.`);
}

/**
 * Evidence of all waves together is evidence about one release. A wave whose every device has it, with no failure
 * anywhere, shows as much as it ever can.
 */
function judgeConfidence({ wave, counts }: GateInput, own: WaveCounts): GateVerdict | undefined {
  const { confidencePercent, successPercent } = wave.gate;
  if (confidencePercent === undefined) return undefined;
  const [limit, confidence] = [(100 - successPercent) / 100, confidencePercent / 100];
  const evidence = evidenceOf(counts);
  if (isBelow(limit, evidence, confidence)) return undefined;
  if (evidence.failed === 0 && own.soaked >= own.members && own.members > 0) return undefined;
  const highest = Math.ceil(highestRate(evidence, confidence) * 1000) / 10;
  const text =
    `${evidence.failed} of ${evidence.settled} failed: with ${confidencePercent} % confidence the rate is below ` +
    `${highest} %, the limit is ${100 - successPercent} %; ${moreText(successesNeeded(limit, evidence, confidence))}.`;
  return closed(
    isBelow(limit, evidenceOf(counts.map(asIfSoaked)), confidence) ? 'soaking' : 'confidence-too-low',
    text,
  );
}

export function evidenceOf(counts: readonly WaveCounts[]): { readonly failed: number; readonly settled: number } {
  const sum = { failed: 0, settled: 0 };
  for (const slice of counts) {
    sum.failed += failuresOf(slice);
    sum.settled += settledOf(slice);
  }
  return sum;
}

/** Results that the wave needs: as many as declared, or of all its members where it has fewer. */
export function neededOf({ gate }: Wave, counts: WaveCounts): number {
  return Math.min(gate.minSample, Math.max(counts.members, reachedOf(counts)));
}

/** Devices that the gate's percentage is of: without failures, and held or lost ones, that are too few to say anything. */
function judgedOf(counts: WaveCounts, { minFailures }: Abort): number {
  const { committed } = counts;
  const failed = failuresOf(counts);
  const missing = heldOf(counts) + counts.lost;
  const isFew = (devices: number) => devices < minFailures && committed > devices;
  return reachedOf(counts) - (isFew(failed) ? failed : 0) + (isFew(missing) ? 0 : missing);
}

/** What the wave would have shown if every success had soaked. */
function asIfSoaked(counts: WaveCounts): WaveCounts {
  return { ...counts, soaked: counts.committed };
}

function countsText({ name }: Wave, counts: WaveCounts): string {
  return `${counts.committed} of ${reachedOf(counts)} reached devices of wave ${name} committed`;
}

function toleratedText(counts: WaveCounts, { minFailures }: Abort): string {
  const failed = failuresOf(counts);
  return failed > 0 && failed < minFailures ? `, ${failed} failed, fewer than the ${minFailures} that count` : '';
}

function missingText({ heldByDevice, heldByPath, lost }: WaveCounts): string {
  return [
    heldByDevice > 0 ? `${heldByDevice} held by their own trouble` : undefined,
    heldByPath > 0 ? `${heldByPath} held by the way to the bytes` : undefined,
    lost > 0 ? `${lost} silent since the switch` : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

function moreText(needed: number): string {
  if (!Number.isFinite(needed)) return 'no number of devices shows a limit of 0 %';
  return `${needed} more devices without a failure are needed`;
}

function closed(reason: GateReason, detail: string): GateVerdict {
  return { kind: 'closed', reason, detail };
}
