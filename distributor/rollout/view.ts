/** A rollout as the API answers it and the command line prints it. */
import { z } from 'zod';
import type { CampaignView } from './campaigns.ts';

const instantSchema = z.iso.datetime();

export const waveViewSchema = z.object({
  name: z.string(),
  percent: z.number(),
  soakSeconds: z.number(),
  /** Absent while the wave is closed. */
  openedAt: instantSchema.optional(),
  committed: z.number(),
  failed: z.number(),
  /** Reached, without a result yet. */
  pending: z.number(),
  /** Offered, then silent: neither success nor failure. */
  unreachable: z.number(),
});

export const rolloutStatuses = ['waiting', 'active', 'paused', 'completed', 'aborted'] as const;

export const rolloutViewSchema = z.object({
  name: z.string(),
  product: z.string(),
  target: z.union([z.object({ release: z.string() }), z.object({ channel: z.string() })]),
  priority: z.number(),
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
  const status = statusOf(rollout, campaign?.status);
  return {
    name,
    product,
    target,
    priority,
    ...(campaign ? { version: campaign.version } : {}),
    status,
    reason: reasonOf(status, campaign?.reason, next?.kind === 'wait' ? next.detail : undefined),
    waves: rollout.waves.map((wave, index) => {
      const opened = campaign?.openedWaves[index];
      const { committed = 0, failed = 0, pending = 0, unreachable = 0 } = counts[index] ?? {};
      return {
        ...wave,
        ...(opened ? { openedAt: new Date(opened.openedAt).toISOString() } : {}),
        committed,
        failed,
        pending,
        unreachable,
      };
    }),
  };
}

type RolloutStatus = RolloutView['status'];

/** The declaration can hold a rollout back, never drive it on. */
function statusOf(rollout: CampaignView['rollout'], status: RolloutStatus | undefined): RolloutStatus {
  if (rollout.aborted || status === 'aborted') return 'aborted';
  if (rollout.paused) return 'paused';
  return status ?? 'waiting';
}

function reasonOf(status: RolloutStatus, kept: string | undefined, waiting: string | undefined): string {
  if (status === 'waiting') return 'The store has no such release yet, or the rollout has just been declared.';
  if (status === 'active' && waiting !== undefined) return waiting;
  return waiting ?? kept ?? '';
}
