/** How far the gate of a wave is, in words with its numbers; whether it holds is decided in gates. */
import type { Wave } from '../declaration/wave.ts';
import { reachedOf, settledOf, type WaveCounts } from './campaign.ts';
import type { GateResult } from './gates.ts';

/** `12 of 14 reached committed (85.7 %), 95 % needed`: one line without a full stop. */
export function gateProgress(wave: Wave, counts: WaveCounts, results: readonly GateResult[] | undefined): string {
  const { successPercent, minSample, checks } = wave.gate;
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
    const needed = Math.min(minSample, Math.max(counts.members, reached));
    if (settled < needed) parts.push(`${settled} of ${needed} results needed`);
  }
  if (checks.length > 0 && results !== undefined) {
    const passed = checks.filter(({ name }) => verdictOf(results, name) === 'passed');
    const open = checks
      .filter((check) => !passed.includes(check))
      .map(({ name }) => `${name} ${verdictOf(results, name)}`);
    parts.push(`${passed.length} of ${checks.length} checks passed${open.length === 0 ? '' : ` (${open.join(', ')})`}`);
  }
  return parts.join('; ');
}

function verdictOf(results: readonly GateResult[], name: string): GateResult['verdict'] {
  return results.find((result) => result.name === name)?.verdict ?? 'unknown';
}

/** Rounded down: what is short of the gate must not look like it. */
function percent(value: number): string {
  return String(Math.floor(value * 10) / 10);
}
