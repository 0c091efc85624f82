/** A rollout as the API answers it and the command line prints it. */
import { z } from 'zod';
import type { Rollout } from '../declaration/rollout.ts';
import type { Advance } from './advance.ts';
import { type CampaignState, noCounts, type WaveCounts } from './campaign.ts';

/** A campaign as it stands. */
export interface CampaignView {
  readonly rollout: Rollout;
  /** Undefined while the store has no release for the rollout. */
  readonly campaign: CampaignState | undefined;
  /** One entry for each opened wave. */
  readonly counts: readonly WaveCounts[];
  /** What would happen now, and why not. */
  readonly next: Advance | undefined;
}

const instantSchema = z.iso.datetime();

export const waveViewSchema = z.object({
  name: z.string(),
  /** Cumulative: a share of the group, or a number of devices. */
  percent: z.number().optional(),
  count: z.number().optional(),
  soakSeconds: z.number(),
  successPercent: z.number(),
  /** Names of the user's own checks. */
  checks: z.array(z.string()),
  /** Absent until it opens. */
  openedAt: instantSchema.optional(),
  /** When the next one opened, or the rollout ended. */
  closedAt: instantSchema.optional(),
  /** Devices that this wave adds to those before it, when it opened. */
  members: z.number(),
  committed: z.number(),
  failed: z.number(),
  /** Reached, without a result yet. */
  pending: z.number(),
  /** Offered, then silent, or waiting for a window: neither success nor failure. */
  unreachable: z.number(),
});

/** `stalled`: paused because a gate did not hold for too long. */
export const rolloutStatuses = ['waiting', 'active', 'paused', 'stalled', 'completed', 'aborted'] as const;

export const rolloutViewSchema = z.object({
  name: z.string(),
  product: z.string(),
  target: z.union([z.object({ release: z.string() }), z.object({ channel: z.string() })]),
  priority: z.number(),
  group: z.string().optional(),
  /** The version that the target means now; absent while the store has none. */
  version: z.string().optional(),
  /** `waiting`: the store has no such release yet. */
  status: z.enum(rolloutStatuses),
  reason: z.string(),
  waves: z.array(waveViewSchema),
});
export type RolloutView = z.infer<typeof rolloutViewSchema>;

export function viewOf({ rollout, campaign, counts, next }: CampaignView): RolloutView {
  const { name, product, target, priority } = rollout;
  const status = statusOf(rollout, campaign);
  return {
    name,
    product,
    target,
    priority,
    ...(rollout.group === undefined ? {} : { group: rollout.group }),
    ...(campaign ? { version: campaign.version } : {}),
    status,
    reason: reasonOf(status, campaign?.reason, next?.kind === 'wait' ? next.detail : undefined),
    waves: rollout.waves.map(({ name, size, soakSeconds, gate }, index) => {
      const { openedAt, closedAt } = campaign?.openedWaves[index] ?? {};
      return {
        name,
        ...size,
        soakSeconds,
        successPercent: gate.successPercent,
        checks: gate.checks.map((check) => check.name),
        ...(openedAt === undefined ? {} : { openedAt: new Date(openedAt).toISOString() }),
        ...(closedAt === undefined ? {} : { closedAt: new Date(closedAt).toISOString() }),
        ...(counts[index] ?? noCounts),
      };
    }),
  };
}

type RolloutStatus = RolloutView['status'];

/** The declaration can hold a rollout back, never drive it on. */
function statusOf(rollout: Rollout, campaign: CampaignState | undefined): RolloutStatus {
  if (rollout.aborted || campaign?.status === 'aborted') return 'aborted';
  if (rollout.paused) return 'paused';
  if (campaign?.status === 'paused' && campaign.stalledAt !== undefined) return 'stalled';
  return campaign?.status ?? 'waiting';
}

function reasonOf(status: RolloutStatus, kept: string | undefined, waiting: string | undefined): string {
  if (status === 'waiting') return 'The store has no such release yet, or the rollout has just been declared.';
  if (status === 'active' && waiting !== undefined) return waiting;
  return waiting ?? kept ?? '';
}
