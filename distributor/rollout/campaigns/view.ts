/** Describes a rollout as the API answers it and the command line prints it: wave by wave, with its gate in words. */
import * as z from 'zod';
import { faults } from '../../../contract/errors.ts';
import type { GateCheck } from '../../declaration/gate.ts';
import type { Rollout } from '../../declaration/rollout.ts';
import type { Wave } from '../../declaration/wave.ts';
import type { CampaignState, OpenedWave } from '../campaign.ts';
import { noCounts, type WaveCounts } from '../standing.ts';
import type { Advance } from './advance.ts';
import { countsShape, countsViewOf } from './counts-view.ts';
import { gateProgress } from './gate-progress.ts';
import type { GateResult } from './gates.ts';
import type { NotAsked } from './not-asked.ts';
import type { HoldCount } from './ports.ts';

const instantSchema = z.iso.datetime();

const checkViewSchema = z.object({
  name: z.string(),
  kind: z.enum(['prometheus', 'http']),
  /** Absent where this program does not ask the checks itself; the server does. */
  verdict: z.enum(['passed', 'failed', 'unknown']).optional(),
  detail: z.string().optional(),
  askedAt: instantSchema.optional(),
});

export const waveViewSchema = z.object({
  name: z.string(),
  /** As declared: cumulative, of the rollout's group. */
  size: z.union([z.object({ percent: z.number() }), z.object({ count: z.number() })]),
  /** `waiting`: not open yet · `open`: the last one that opened · `passed`: a later one is open, or all is done. */
  state: z.enum(['waiting', 'open', 'passed']),
  /** Where the bound lies on the line of places, in percent; absent while the wave waits. */
  boundPercent: z.number().optional(),
  openedAt: instantSchema.optional(),
  closedAt: instantSchema.optional(),
  soakSeconds: z.number(),
  /** Nothing opens after it before then; absent while the wave waits. */
  soaksUntil: instantSchema.optional(),
  ...countsShape,
  /** When the next device that committed has soaked; absent where all have. */
  nextSoakedAt: instantSchema.optional(),
  /**
   * Agents that are offered nothing, because no open wave covers a server of their cluster. Absent where nobody looked,
   * and while the wave waits; they are looked for when one rollout is asked for.
   */
  agentsHeld: z.number().optional(),
  gate: z.object({
    successPercent: z.number(),
    minSample: z.number(),
    /** Absent where the numbers count as they are. */
    confidencePercent: z.number().optional(),
    stallAfterSeconds: z.number(),
    checks: z.array(checkViewSchema),
    /** How far it is, one sentence. */
    progress: z.string(),
  }),
});
export type WaveView = z.infer<typeof waveViewSchema>;

/** `waiting`: no wave has opened yet · `stalled`: paused because a gate did not hold for too long. */
const rolloutStatuses = ['waiting', 'active', 'paused', 'stalled', 'completed', 'aborted'] as const;

/** Another rollout whose group has devices of this one's. */
export const overlapSchema = z.object({
  rollout: z.string(),
  /** Devices that both claim. */
  devices: z.number(),
  /** Which of the two decides about them. */
  winner: z.string(),
});
export type Overlap = z.infer<typeof overlapSchema>;

export const rolloutViewSchema = z.object({
  name: z.string(),
  product: z.string(),
  target: z.union([z.object({ release: z.string() }), z.object({ channel: z.string() })]),
  /** Absent for every device of the product. */
  group: z.string().optional(),
  priority: z.number(),
  /** The version that the target means now; absent while the store has none. */
  version: z.string().optional(),
  status: z.enum(rolloutStatuses),
  /** Why, one sentence: who paused it and what for, what stopped it, what it waits for. */
  reason: z.string(),
  /** What happens next and what it depends on. */
  next: z.object({
    /** `wait` and the reason of waiting, or the step that comes at the next look. */
    step: z.string(),
    waitsFor: z.string().optional(),
    detail: z.string(),
    /** Nothing changes before, unless a device reports. */
    until: instantSchema.optional(),
  }),
  /** When a gate that did not hold paused it. */
  stalledAt: instantSchema.optional(),
  /** How often it was told to try again. */
  generation: z.number(),
  deadline: instantSchema.optional(),
  after: z.array(z.string()),
  /** What a release has to bring along; absent for nothing. */
  require: z.array(z.string()).optional(),
  changedAt: instantSchema.optional(),
  waves: z.array(waveViewSchema),
  /**
   * Devices of the group that no open wave covers; absent where nobody looked: they are looked for when one is shown.
   */
  later: z.number().optional(),
  /** What its held devices are held by, the most first. */
  holds: z.array(z.object({ fault: z.enum(faults), code: z.string(), devices: z.number() })).default([]),
  /** Absent where nobody looked for them: they are looked for when one rollout is asked for. */
  overlaps: z.array(overlapSchema).optional(),
});
export type RolloutView = z.infer<typeof rolloutViewSchema>;
type RolloutStatus = RolloutView['status'];

export const rolloutListSchema = z.object({
  rollouts: z.array(rolloutViewSchema),
  /** Why the declarations as they are now are not in force; those accepted last are. Absent when all is well. */
  refused: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
});

/** A campaign as it stands. */
export interface CampaignView {
  readonly rollout: Rollout;
  /** Undefined while the store has no release for the rollout. */
  readonly campaign: CampaignState | undefined;
  /** One entry for each opened wave. */
  readonly counts: readonly WaveCounts[];
  readonly holds: readonly HoldCount[];
  /** What would happen now, and why not. */
  readonly next: Advance | undefined;
  /** What the checks of the open wave found last; undefined where this program does not ask them. */
  readonly gates?: readonly GateResult[] | undefined;
  /** Undefined where nobody looked: then those that were members when the bounds were drawn. */
  readonly notAsked?: NotAsked | undefined;
  /** As heldAgents counts them, one entry for each opened wave; undefined where nobody looked. */
  readonly held?: readonly number[] | undefined;
  /** Undefined where nobody looked. */
  readonly overlaps?: readonly Overlap[] | undefined;
}

export function rolloutViewOf(progress: CampaignView): RolloutView {
  const { rollout, campaign, counts, holds, gates, held, notAsked, overlaps } = progress;
  const { name, product, target, group, priority, deadline, after } = rollout;
  const status = statusOf(rollout, campaign);
  return {
    name,
    product,
    target,
    priority,
    group,
    ...(campaign === undefined ? {} : { version: campaign.version }),
    status,
    reason: reasonOf(status, progress),
    next: nextOf(progress),
    ...instantOf('stalledAt', campaign?.stalledAt),
    generation: campaign?.generation ?? 0,
    ...instantOf('deadline', deadline),
    after: [...after],
    ...(rollout.require === undefined ? {} : { require: [...rollout.require] }),
    ...instantOf('changedAt', campaign?.changedAt),
    waves: rollout.waves.map((wave, index) =>
      waveViewOf(wave, {
        opened: campaign?.openedWaves[index],
        counts: counts.slice(0, index + 1),
        isLast: index === (campaign?.openedWaves.length ?? 0) - 1 && status !== 'completed',
        gates,
        held: held?.[index],
        notAsked: notAsked?.byWave[index],
      }),
    ),
    holds: [...holds],
    ...(notAsked === undefined ? {} : { later: notAsked.later }),
    ...(overlaps === undefined ? {} : { overlaps: [...overlaps] }),
  };
}

interface WaveFacts {
  readonly opened: OpenedWave | undefined;
  /** Of every wave up to this one; empty while it waits. */
  readonly counts: readonly WaveCounts[];
  /** The last one that opened, of a rollout that goes on. */
  readonly isLast: boolean;
  readonly gates: readonly GateResult[] | undefined;
  readonly held: number | undefined;
  readonly notAsked: number | undefined;
}

function waveViewOf(wave: Wave, { opened, counts, isLast, gates, held, notAsked }: WaveFacts): WaveView {
  const own = (opened && counts.at(-1)) ?? noCounts;
  const { successPercent, minSample, confidencePercent, stallAfterSeconds, checks } = wave.gate;
  return {
    name: wave.name,
    size: wave.size,
    state: opened === undefined ? 'waiting' : isLast ? 'open' : 'passed',
    ...(opened === undefined ? {} : { boundPercent: Math.round(opened.upTo * 1e6) / 1e4 }),
    ...instantOf('openedAt', opened?.openedAt),
    ...instantOf('closedAt', opened?.closedAt),
    soakSeconds: wave.soakSeconds,
    ...instantOf('soaksUntil', opened && opened.openedAt + wave.soakSeconds * 1000),
    ...countsViewOf(own),
    ...(notAsked === undefined ? {} : { notAsked }),
    ...instantOf('nextSoakedAt', own.nextSoakedAt),
    agentsHeld: held,
    gate: {
      successPercent,
      minSample,
      stallAfterSeconds,
      confidencePercent,
      checks: checks.map((check) => checkViewOf(check, isLast ? gates : undefined)),
      progress: opened === undefined ? 'not open yet' : gateProgress(wave, counts, isLast ? gates : undefined),
    },
  };
}

function checkViewOf(check: GateCheck, gates: readonly GateResult[] | undefined) {
  const { name } = check;
  const kind = 'prometheus' in check ? ('prometheus' as const) : ('http' as const);
  const found = gates?.find((result) => result.name === name);
  if (!found) return { name, kind };
  return { name, kind, verdict: found.verdict, detail: found.detail, askedAt: new Date(found.askedAt).toISOString() };
}

/** The declaration can hold a rollout back, never drive it on. */
function statusOf(rollout: Rollout, campaign: CampaignState | undefined): RolloutStatus {
  if (rollout.aborted || campaign?.status === 'aborted') return 'aborted';
  if (rollout.paused) return 'paused';
  if (campaign === undefined || (campaign.status === 'active' && campaign.openedWaves.length === 0)) return 'waiting';
  return campaign.status === 'paused' && campaign.stalledAt !== undefined ? 'stalled' : campaign.status;
}

function reasonOf(status: RolloutStatus, { rollout, campaign, next }: CampaignView): string {
  if (status === 'aborted') return campaign?.status === 'aborted' ? campaign.reason : 'The declaration says aborted.';
  if (status === 'paused' || status === 'stalled')
    return rollout.paused ? 'The declaration says paused.' : (campaign?.reason ?? '');
  if (campaign === undefined) return 'The store has no such release yet.';
  if (next?.kind === 'wait' && status !== 'completed') return next.detail;
  return campaign.reason;
}

function nextOf({ next }: CampaignView): RolloutView['next'] {
  if (next === undefined)
    return { step: 'wait', waitsFor: 'release', detail: 'Starts when the store has the release.' };
  if (next.kind === 'wait') {
    return { step: 'wait', waitsFor: next.reason, detail: next.detail, ...instantOf('until', next.until) };
  }
  const detail = next.kind === 'open-wave' ? `Opens wave ${next.wave.name}: ${next.reason}` : next.reason;
  return { step: next.kind, detail };
}

function instantOf<K extends string>(name: K, at: number | undefined): { [key in K]?: string } {
  return (at === undefined ? {} : { [name]: new Date(at).toISOString() }) as { [key in K]?: string };
}
