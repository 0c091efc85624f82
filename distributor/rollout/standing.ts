/**
 * Decides where each device of a campaign stands, in one column each, and counts a wave. The database counts by the
 * same cases (attempt-records.ts); a test holds the two to each other. A fleet in memory counts by these functions.
 */
import { type CampaignAttempt, committedAt, hasFailed, phasesAfterSwitch, phasesUnderWay } from './campaign.ts';

/**
 * `committed`: has the release · `failed`: the release did not work there · `reverted`: sent back by an abort ·
 * `pending`: offered, without a result yet · `waiting`: has it and waits for its window · `heldByDevice`, `heldByPath`:
 * the last try ended for its own trouble, or that of whatever carries bytes · `unreachable`: offered, and silent since;
 * a held one that is silent for days is gone, too.
 */
export const standings = [
  'committed',
  'failed',
  'reverted',
  'pending',
  'waiting',
  'heldByDevice',
  'heldByPath',
  'unreachable',
] as const;
export type Standing = (typeof standings)[number];

type AttemptProgress = Pick<
  CampaignAttempt,
  'outcome' | 'code' | 'fault' | 'settledAt' | 'offeredAt' | 'foundAt' | 'lastSeenAt' | 'phase'
>;

/**
 * A device that was found running the release has committed it, as far as anybody can tell. Without a result: pending
 * until the time-out, which runs from the last offer, and from the last word of a device that works on the update or
 * waits for its window. Silence is never a failure: it says nothing about whose fault it is.
 */
export function standingOf(attempt: AttemptProgress, now: number, deviceTimeoutSeconds: number): Standing {
  const { phase, offeredAt = 0, lastSeenAt } = attempt;
  if (committedAt(attempt) !== undefined) return 'committed';
  if (attempt.code === revertedCode && attempt.outcome !== undefined) return 'reverted';
  if (hasFailed(attempt)) return 'failed';
  if (attempt.outcome !== undefined) {
    if (now >= lastSeenAt + heldSilenceMs(deviceTimeoutSeconds)) return 'unreachable';
    return attempt.fault === 'path' ? 'heldByPath' : 'heldByDevice';
  }
  const isSilent = (since: number) => now >= since + deviceTimeoutSeconds * 1000;
  if (phase === 'staged') return isSilent(lastSeenAt) ? 'unreachable' : 'waiting';
  const isUnderWay = phase !== undefined && phasesUnderWay.includes(phase);
  return isSilent(isUnderWay ? Math.max(offeredAt, lastSeenAt) : offeredAt) ? 'unreachable' : 'pending';
}

/**
 * A held device tries again by itself, so it is waited for; one that was stolen, revoked or taken down must not hold a
 * rollout for ever. Slow polls and a weekend without power are shorter than three days.
 */
export function heldSilenceMs(deviceTimeoutSeconds: number): number {
  return Math.max(3 * 86_400_000, deviceTimeoutSeconds * 1000);
}

/** How a device reports that an abort sent it back. */
export const revertedCode = 'reverted-by-permit';

/** What matters about a standing besides its name. */
export type Mark = 'soaked' | 'forgiven' | 'working' | 'lost';

interface MarkRules {
  /** Of the wave that the device belongs to. */
  readonly soakSeconds: number;
  /** As CampaignState has it. */
  readonly judgedFrom: number | undefined;
  readonly now: number;
}

export function markOf(attempt: AttemptProgress, standing: Standing, rules: MarkRules): Mark | undefined {
  const { phase, outcome, settledAt = 0 } = attempt;
  switch (standing) {
    case 'committed':
      return (committedAt(attempt) ?? 0) + rules.soakSeconds * 1000 <= rules.now ? 'soaked' : undefined;
    case 'failed':
      return settledAt < (rules.judgedFrom ?? 0) ? 'forgiven' : undefined;
    case 'pending':
      return phase !== undefined && phasesUnderWay.includes(phase) ? 'working' : undefined;
    case 'unreachable':
      return outcome === undefined && phase !== undefined && phasesAfterSwitch.includes(phase) ? 'lost' : undefined;
    default:
      return undefined;
  }
}

/** Devices of one wave's own slice: places from the bound of the wave before up to its own. */
export type WaveCounts = Readonly<Record<Standing, number>> & {
  /** Accepted devices of the group in the slice when the bound was drawn, without the waves before. */
  readonly members: number;
  /** Of `committed`: so long ago that the wave's soak is over for them. */
  readonly soaked: number;
  /** Of `failed`: from before a person reopened the rollout. */
  readonly forgiven: number;
  /** Of `pending`: said so themselves, in a phase in the middle of the update. */
  readonly working: number;
  /** Of `unreachable`: fell silent after the switch, so that nobody knows what became of them. */
  readonly lost: number;
  /** When the next one of `committed` has soaked, milliseconds since 1970; undefined where all have. */
  readonly nextSoakedAt: number | undefined;
};

export const noCounts: WaveCounts = {
  members: 0,
  committed: 0,
  failed: 0,
  reverted: 0,
  pending: 0,
  waiting: 0,
  heldByDevice: 0,
  heldByPath: 0,
  unreachable: 0,
  soaked: 0,
  forgiven: 0,
  working: 0,
  lost: 0,
  nextSoakedAt: undefined,
};

/** Heard of with an answer to come or given: neither held nor silent, and no failure that a person forgave. */
export function reachedOf({ committed, failed, forgiven, pending }: WaveCounts): number {
  return committed + failed - forgiven + pending;
}

/** Failures that count. */
export function failuresOf({ failed, forgiven }: WaveCounts): number {
  return failed - forgiven;
}

/** Those that have shown how it ends: failures, and successes whose soak is over. */
export function settledOf(counts: WaveCounts): number {
  return counts.soaked + failuresOf(counts);
}

/** Held by their own trouble or by what carries bytes. */
export function heldOf({ heldByDevice, heldByPath }: WaveCounts): number {
  return heldByDevice + heldByPath;
}

/** Devices of the slice that were never asked to update, as of when the bound was drawn. */
export function notAskedOf(counts: WaveCounts): number {
  return Math.max(0, counts.members - standings.reduce((sum, standing) => sum + counts[standing], 0));
}
