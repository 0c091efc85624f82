/**
 * Follows one rollout while it is simulated: its campaign as the server has it, what it waits for, and on how many
 * devices its release really runs.
 */
import type { CampaignState } from '../rollout/campaign.ts';
import type { Wait } from '../rollout/campaigns/advance.ts';
import { countQuestionOf } from '../rollout/campaigns/tallies.ts';
import { unstarted } from '../rollout/campaigns/transition.ts';
import type { CompiledRollout } from '../rollout/compiled-plan.ts';
import type { WaveCounts } from '../rollout/standing.ts';
import type { FleetInMemory } from './fleet-state/fleet-state.ts';
import type { VirtualDevice } from './virtual-device.ts';

const endlessWaits: readonly Wait['reason'][] = [
  'aborted',
  'paused',
  'stalled',
  'deadline-passed',
  'waiting-for-rollout',
  'nobody-in-group',
  'finished',
];

export interface Sums {
  readonly committed: number;
  readonly failed: number;
  readonly pending: number;
  readonly unreachable: number;
}

export class RolloutRun {
  readonly compiled: CompiledRollout;
  readonly version: string;
  /** Devices of the group. */
  readonly members: readonly VirtualDevice[];
  readonly #fleet: FleetInMemory;
  state: CampaignState;
  /** Of each wave when it opened; see heldAgents. */
  readonly held: number[] = [];
  /** The campaign changed since it was looked at last. */
  isChanged = true;
  /** Of its counts, as looked at last; see FleetInMemory. */
  #revision = -1;
  /** When something may happen although no device says anything; Infinity for never. */
  #lookAt = Number.POSITIVE_INFINITY;
  /** Devices that run the release because this rollout brought it, as it is and not as the server knows it. */
  onRelease = 0;
  worstCase = 0;
  /** What it waits for, as decided last; undefined after a step. */
  waits: Wait | undefined;
  /** Since when it has waited for nothing that will come by itself. */
  deadSince: number | undefined;

  constructor(
    compiled: CompiledRollout,
    version: string,
    { devices, fleet, start }: { devices: readonly VirtualDevice[]; fleet: FleetInMemory; start: number },
  ) {
    const { name, product } = compiled.rollout;
    this.compiled = compiled;
    this.version = version;
    this.members = devices.filter(({ is }) => is.product === product && compiled.includes(is.labels));
    this.#fleet = fleet;
    this.state = unstarted({ rollout: name, version }, start);
  }

  get name(): string {
    return this.compiled.rollout.name;
  }

  get isOver(): boolean {
    const { status } = this.state;
    return status === 'completed' || status === 'aborted';
  }

  /** Opens, completes or aborts nothing any more unless a device falls back, another rollout ends or a person acts. */
  get isAtRest(): boolean {
    return this.isOver || (this.waits !== undefined && endlessWaits.includes(this.waits.reason));
  }

  /** When a look at it can find something new; Infinity for never. */
  nextLookAt(now: number): number {
    if (this.isChanged || this.#fleet.countsRevision(this.state) !== this.#revision) return now;
    return Math.min(this.#lookAt, this.#fleet.countsChangeAt(this.state));
  }

  /** One entry for each opened wave. */
  counts(now: number): WaveCounts[] {
    return this.#fleet.countNow(this.state, countQuestionOf(this.compiled.rollout, this.state, now));
  }

  sums(now: number): Sums {
    const sums = { committed: 0, failed: 0, pending: 0, unreachable: 0 };
    for (const wave of this.counts(now)) {
      sums.committed += wave.committed;
      sums.failed += wave.failed;
      sums.pending += wave.pending;
      sums.unreachable += wave.unreachable + wave.waiting;
    }
    return sums;
  }

  changed(state: CampaignState): void {
    this.state = state;
    this.isChanged = true;
    this.waits = undefined;
    this.deadSince = undefined;
  }

  /** @param wait undefined where it is to be looked at again */
  looked(wait: Wait | undefined, now: number): void {
    this.#revision = this.#fleet.countsRevision(this.state);
    this.isChanged = wait === undefined;
    if (!wait) return;
    this.waits = wait;
    this.deadSince = this.isAtRest ? (this.deadSince ?? now) : undefined;
    this.#lookAt = wait.until ?? Number.POSITIVE_INFINITY;
  }

  onReleaseChanged(by: 1 | -1): void {
    this.onRelease += by;
    if (this.onRelease > this.worstCase) this.worstCase = this.onRelease;
  }
}
