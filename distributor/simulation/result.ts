/**
 * Defines the result of a simulation, as JSON. Every device of a rollout is counted in one place: `devices = reached +
 * unreachable + waiting + notOffered` and `reached = committed + failed + reverted + underWay`.
 */
import type { CampaignAttempt } from '../rollout/campaign.ts';
import { placeOf } from '../rollout/placement.ts';
import { standingOf } from '../rollout/standing.ts';
import type { RolloutRun } from './rollout-run.ts';
import type { SimulationInput } from './simulate.ts';
import type { SimulatedServer } from './simulated-server.ts';

export const simulatedOutcomes = ['completed', 'aborted', 'stalled'] as const;
export type SimulatedOutcome = (typeof simulatedOutcomes)[number];

export interface DeviceCounts {
  /** `committed + failed + reverted + underWay`: offered the release or running it already, and heard of. */
  readonly reached: number;
  /** Also those that ran the release already. */
  readonly committed: number;
  readonly failed: number;
  /** Sent back by the abort. */
  readonly reverted: number;
  /** Offered within the device time-out, without a result. */
  readonly underWay: number;
  /** Offered and silent since, or of an open wave and not heard of since it opened. */
  readonly unreachable: number;
  /** Have the release and wait for a window. */
  readonly waiting: number;
  /** Never came to an offer: their wave did not open, or something else held them back. */
  readonly notOffered: number;
}

interface WaveResult extends DeviceCounts {
  readonly name: string;
  /** Of this wave, without those before. */
  readonly devices: number;
  /** Agents among them that waited for a server in a later wave, or in none, when it opened. */
  readonly agentsHeld: number;
  readonly openedAt: string;
  /** Null while it is open. */
  readonly closedAt: string | null;
  readonly openedAfterSeconds: number;
}

export interface RolloutResult extends DeviceCounts {
  readonly rollout: string;
  readonly release: string;
  readonly outcome: SimulatedOutcome;
  readonly reason: string;
  readonly devices: number;
  /** Most devices on the release at once, probation included, whether or not the server knew. */
  readonly worstCase: number;
  /** From the start to the outcome; for one that neither completed nor aborted, to when it came to rest. */
  readonly finishedAfterSeconds: number;
  readonly waves: readonly WaveResult[];
  /** Names of waves that never opened. */
  readonly unopenedWaves: readonly string[];
}

export interface SimulationResult extends RolloutResult {
  readonly seed: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Every rollout of the plan, where there are several; the rest is about `rollout`. */
  readonly rollouts?: readonly RolloutResult[];
}

interface EndedSimulation {
  readonly server: SimulatedServer;
  readonly start: number;
  readonly endAt: number;
  readonly input: Pick<SimulationInput, 'rollout' | 'seed'>;
}

export function resultOf(ended: EndedSimulation): SimulationResult {
  const { start, input } = ended;
  const results = ended.server.runs.map((run) => rolloutResult(run, ended));
  const chosen = results.find(({ rollout }) => rollout === input.rollout) ?? lastToFinish(results);
  const finishedAt = start + chosen.finishedAfterSeconds * 1000;
  return {
    ...chosen,
    seed: input.seed,
    startedAt: instant(start),
    finishedAt: instant(finishedAt),
    ...(results.length > 1 ? { rollouts: results } : {}),
  };
}

function rolloutResult(run: RolloutRun, { server, start, endAt }: EndedSimulation): RolloutResult {
  const { rollout } = run.compiled;
  const { openedWaves } = run.state;
  const all = noDevices();
  const byWave = openedWaves.map(noDevices);
  for (const device of run.members) {
    const place = placeOf(rollout.name, device.is.id);
    const slice = openedWaves.findIndex(({ upTo }) => place < upTo);
    const attempt = server.attemptOf(device, run);
    server.catchUp(device, endAt, false);
    const opened = openedWaves[slice];
    const lot = attempt
      ? lotOf(attempt, endAt, rollout.deviceTimeoutSeconds)
      : opened && (server.lastSeenAt(device) ?? 0) < opened.openedAt
        ? 'unreachable'
        : 'notOffered';
    all[lot]++;
    const wave = byWave[slice];
    if (wave) wave[lot]++;
  }
  const { outcome, reason, at } = outcomeOf(run, endAt);
  return {
    rollout: rollout.name,
    release: run.version,
    outcome,
    reason,
    devices: run.members.length,
    ...countsOf(all),
    worstCase: run.worstCase,
    finishedAfterSeconds: Math.floor((at - start) / 1000),
    waves: openedWaves.map(({ name, openedAt, closedAt }, index): WaveResult => {
      const counts = byWave[index] ?? noDevices();
      return {
        name,
        devices: Object.values(counts).reduce((sum, devices) => sum + devices, 0),
        agentsHeld: run.held[index] ?? 0,
        openedAt: instant(openedAt),
        closedAt: closedAt === undefined ? null : instant(closedAt),
        openedAfterSeconds: Math.floor((openedAt - start) / 1000),
        ...countsOf(counts),
      };
    }),
    unopenedWaves: rollout.waves.slice(openedWaves.length).map(({ name }) => name),
  };
}

function outcomeOf(run: RolloutRun, endAt: number): { outcome: SimulatedOutcome; reason: string; at: number } {
  const { status, reason, changedAt } = run.state;
  if (status === 'completed' || status === 'aborted') return { outcome: status, reason, at: changedAt };
  const isStalled = run.state.stalledAt !== undefined;
  const why = isStalled ? reason : (run.waits?.detail ?? reason);
  return { outcome: 'stalled', reason: why, at: run.state.stalledAt ?? run.deadSince ?? endAt };
}

type Lot = Exclude<keyof DeviceCounts, 'reached'>;
type Lots = Record<Lot, number>;

function noDevices(): Lots {
  return { committed: 0, failed: 0, reverted: 0, underWay: 0, unreachable: 0, waiting: 0, notOffered: 0 };
}

function countsOf(lots: Lots): DeviceCounts {
  return { reached: lots.committed + lots.failed + lots.reverted + lots.underWay, ...lots };
}

function lotOf(attempt: CampaignAttempt, now: number, timeoutSeconds: number): Lot {
  if (attempt.revertedAt !== undefined && attempt.outcome !== 'committed') return 'reverted';
  const standing = standingOf(attempt, now, timeoutSeconds);
  switch (standing) {
    case 'pending':
      return 'underWay';
    // A simulated device has no trouble of its own; the ways to the bytes that fail are those of devices out of reach.
    case 'heldByDevice':
    case 'heldByPath':
      return 'unreachable';
    default:
      return standing;
  }
}

function lastToFinish(results: readonly RolloutResult[]): RolloutResult {
  return results.reduce((last, other) => (other.finishedAfterSeconds > last.finishedAfterSeconds ? other : last));
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
