/**
 * Describes the columns of a wave as the API answers them: each device of the wave is in one, and they add up. Servers
 * before 0.2 do not have all of them, so a command that asks one reads 0 there.
 */
import * as z from 'zod';
import { notAskedOf, type WaveCounts } from '../standing.ts';

export const countsShape = {
  /** Devices of the wave's own part, without those of the waves before, when the bound was drawn. */
  members: z.number(),
  committed: z.number(),
  failed: z.number(),
  /** Sent back by an abort. */
  reverted: z.number().default(0),
  /** Under way: offered, without a result yet. */
  pending: z.number(),
  /** Have the release and wait for their window. */
  waiting: z.number().default(0),
  /** Held by their own trouble: disk, memory, clock and the like. They try again by themselves. */
  heldByDevice: z.number().default(0),
  /** Held by whatever carries the bytes. They try again by themselves. */
  heldByPath: z.number().default(0),
  /** Offered, and silent since. */
  unreachable: z.number(),
  /** Members that were not asked yet. */
  notAsked: z.number().default(0),
  /** Of `committed`: their soak is over. */
  soaked: z.number().default(0),
  /** Of `unreachable`: silent since the switch. */
  lost: z.number().default(0),
};

const countsSchema = z.object(countsShape);

export function countsViewOf(counts: WaveCounts): z.infer<typeof countsSchema> {
  const { members, committed, failed, reverted, pending, waiting, heldByDevice, heldByPath, unreachable } = counts;
  const { soaked, lost } = counts;
  return {
    members,
    committed,
    failed,
    reverted,
    pending,
    waiting,
    heldByDevice,
    heldByPath,
    unreachable,
    notAsked: notAskedOf(counts),
    soaked,
    lost,
  };
}
