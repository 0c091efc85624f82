/** Tells how far the gate of a wave is, in words with its numbers; whether it holds is decided in gates. */
import type { Wave } from '../../declaration/wave.ts';
import { heldOf, noCounts, reachedOf, settledOf, type WaveCounts } from '../standing.ts';
import { successesNeeded } from './confidence.ts';
import { evidenceOf, type GateResult, neededOf } from './gates.ts';

/**
 * `12 of 14 reached committed (85.7 %), 95 % needed`: one line without a full stop.
 * @param all counts of every wave up to this one, which is the last
 */
export function gateProgress(
  wave: Wave,
  all: readonly WaveCounts[],
  results: readonly GateResult[] | undefined,
): string {
  const { successPercent, checks } = wave.gate;
  const counts = all.at(-1) ?? noCounts;
  const reached = reachedOf(counts);
  const settled = settledOf(counts);
  const parts: string[] = [];
  if (reached === 0) {
    parts.push(
      counts.members === 0 ? 'no known device belongs to it' : `none of ${counts.members} devices reached yet`,
    );
  } else {
    const share = percent((counts.committed * 100) / reached);
    parts.push(`${counts.committed} of ${reached} reached committed (${share} %), ${successPercent} % needed`);
    const needed = neededOf(wave, counts);
    if (counts.soaked < counts.committed) parts.push(`${counts.soaked} of ${counts.committed} have soaked`);
    if (settled < needed) parts.push(`${settled} of ${needed} results needed`);
  }
  if (heldOf(counts) > 0) parts.push(`${heldOf(counts)} held`);
  const more = moreNeeded(wave, all);
  if (more > 0)
    parts.push(`${more} more devices without a failure needed for ${wave.gate.confidencePercent} % confidence`);
  if (checks.length > 0 && results !== undefined) {
    const passed = checks.filter(({ name }) => verdictOf(results, name) === 'passed');
    const open = checks
      .filter((check) => !passed.includes(check))
      .map(({ name }) => `${name} ${verdictOf(results, name)}`);
    parts.push(`${passed.length} of ${checks.length} checks passed${open.length === 0 ? '' : ` (${open.join(', ')})`}`);
  }
  return parts.join('; ');
}

/** Devices until the gate knows what it has to; 0 where it does, or nothing was asked. */
function moreNeeded({ gate }: Wave, all: readonly WaveCounts[]): number {
  const { confidencePercent, successPercent } = gate;
  if (confidencePercent === undefined) return 0;
  return successesNeeded((100 - successPercent) / 100, evidenceOf(all), confidencePercent / 100);
}

function verdictOf(results: readonly GateResult[], name: string): GateResult['verdict'] {
  return results.find((result) => result.name === name)?.verdict ?? 'unknown';
}

/** Rounded down: what is short of the gate must not look like it. */
function percent(value: number): string {
  return String(Math.floor(value * 10) / 10);
}
