/**
 * Runs one rollout while it is simulated: its campaign, the places of its devices, counts that change with each
 * attempt, and what it has spent. It takes the steps that `advance` decides on, as the server does.
 */
import type { Release } from '../catalog/releases.ts';
import { type CampaignState, committedAt } from '../rollout/campaign.ts';
import { type Advance, advance, type Dependency } from '../rollout/campaigns/advance.ts';
import type { GateResult } from '../rollout/campaigns/gates.ts';
import { applyTransitionTo, type Transition, unstarted } from '../rollout/campaigns/transition.ts';
import { drawBound } from '../rollout/cohort.ts';
import type { CompiledRollout } from '../rollout/compiled-plan.ts';
import type { Spending } from '../rollout/deciding/decide-input.ts';
import { placeOf } from '../rollout/placement.ts';
import { markOf, noCounts, type Standing, standingOf, type WaveCounts } from '../rollout/standing.ts';
import { SpendingLedger } from './spending-ledger.ts';
import type { VirtualAttempt, VirtualDevice } from './virtual-device.ts';

type Counts = { -readonly [K in keyof WaveCounts]: WaveCounts[K] };

type SimulatedWait = Advance & { readonly kind: 'wait' };
const endlessWaits: readonly SimulatedWait['reason'][] = [
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

export class CampaignRun {
  readonly compiled: CompiledRollout;
  readonly version: string;
  /** Devices of the group, and their places, in the same order. */
  readonly members: readonly VirtualDevice[];
  readonly places: Float64Array;
  state: CampaignState;
  /** One entry for each opened wave. */
  readonly counts: Counts[] = [];
  readonly #ledger: SpendingLedger | undefined;
  readonly #ascending: Float64Array;
  /** Of each wave when it opened; see heldAgents. */
  readonly held: number[] = [];
  /** Something changed since `advance` was asked last. */
  isDirty = true;
  /** When `advance` has to be asked although nothing changed; Infinity for never. */
  lookAt = Number.POSITIVE_INFINITY;
  /** Devices that run the release because this rollout brought it, as it is and not as the server knows it. */
  onRelease = 0;
  worstCase = 0;
  /** What it waits for, as decided last; undefined after a step. */
  waits: SimulatedWait | undefined;
  /** Since when it has waited for nothing that will come by itself. */
  deadSince: number | undefined;
  /** Counts changed since the timeline was written. */
  isNews = true;

  constructor(compiled: CompiledRollout, goal: Release | undefined, devices: readonly VirtualDevice[], start: number) {
    const { name, product, budget } = compiled.rollout;
    this.compiled = compiled;
    this.version = goal?.version ?? '';
    const members = devices.filter(({ is }) => is.product === product && compiled.includes(is.labels));
    this.members = members;
    this.places = Float64Array.from(members, ({ is }) => placeOf(name, is.id));
    this.#ascending = Float64Array.from(this.places).sort();
    this.state = unstarted({ rollout: name, version: this.version }, start);
    this.#ledger = budget && new SpendingLedger(budget.perSeconds * 1000);
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

  spending(now: number): Spending | undefined {
    return this.#ledger?.at(now);
  }

  /** Index of the wave whose slice holds the place; among those that are open. */
  sliceOf(place: number): number {
    const { openedWaves } = this.state;
    const index = openedWaves.findIndex(({ upTo }) => place < upTo);
    return index < 0 ? Math.max(0, openedWaves.length - 1) : index;
  }

  /** Counts an attempt, new or changed. @returns when its standing changes by time alone, Infinity for never */
  count(attempt: VirtualAttempt, before: Standing | undefined, now: number): number {
    const { deviceTimeoutSeconds, waves } = this.compiled.rollout;
    const soakSeconds = waves[attempt.slice]?.soakSeconds ?? 0;
    const standing = standingOf(attempt, now, deviceTimeoutSeconds);
    const mark = markOf(attempt, standing, { soakSeconds, judgedFrom: this.state.judgedFrom, now });
    if (standing !== before || mark !== attempt.mark) {
      const counts = this.counts[attempt.slice];
      if (counts) {
        if (before !== undefined) counts[before]--;
        if (attempt.mark !== undefined) counts[attempt.mark]--;
        counts[standing]++;
        if (mark !== undefined) counts[mark]++;
      }
      this.isDirty = true;
      this.isNews = true;
    }
    attempt.standing = standing;
    attempt.mark = mark;
    if (standing === 'committed' && mark === undefined) return (committedAt(attempt) ?? 0) + soakSeconds * 1000;
    if (standing !== 'pending' && standing !== 'waiting') return Number.POSITIVE_INFINITY;
    return heldUntil(attempt, deviceTimeoutSeconds, now);
  }

  offered(attempt: VirtualAttempt, now: number): void {
    this.#ledger?.offered(attempt, now);
  }

  moved(attempt: VirtualAttempt, bytes: number, now: number): void {
    this.#ledger?.reported(attempt, bytes, now);
  }

  settled(attempt: VirtualAttempt): void {
    this.#ledger?.settled(attempt);
  }

  sums(): Sums {
    const sums = { committed: 0, failed: 0, pending: 0, unreachable: 0 };
    for (const wave of this.counts) {
      sums.committed += wave.committed;
      sums.failed += wave.failed;
      sums.pending += wave.pending;
      sums.unreachable += wave.unreachable + wave.waiting;
    }
    return sums;
  }

  /** What would happen now. */
  next(dependencies: readonly Dependency[], now: number): Advance {
    const { rollout } = this.compiled;
    const wave = rollout.waves[this.state.openedWaves.length - 1];
    const gates = (wave?.gate.checks ?? []).map(({ name }) => takenToPass(name, now));
    const isEmpty = this.members.length === 0;
    return advance(rollout, this.state, this.counts, { gates, dependencies, isEmpty, now });
  }

  /** @returns whether the transition fitted */
  apply(transition: Transition, now: number): boolean {
    const state = applyTransitionTo(this.state, this.state, transition, now);
    if (!state) return false;
    this.state = state;
    this.isDirty = true;
    this.isNews = true;
    this.waits = undefined;
    this.deadSince = undefined;
    const { openedWaves } = state;
    for (let index = 0; index < openedWaves.length; index++) {
      const members = (openedWaves[index]?.members ?? 0) - (openedWaves[index - 1]?.members ?? 0);
      const known = this.counts[index];
      if (known) known.members = members;
      else this.counts.push({ ...noCounts, members });
    }
    return true;
  }

  /** The bound of a wave is drawn from the devices as they are then; every other step is a transition as it stands. */
  transitionOf(step: Exclude<Advance, { kind: 'wait' }>): Transition {
    if (step.kind !== 'open-wave') return step;
    const atLeast = this.state.openedWaves.at(-1)?.upTo ?? 0;
    const bound = drawBound(step.wave.size, this.#ascending, atLeast);
    return { kind: 'open-wave', index: step.index, wave: step.wave.name, ...bound, reason: step.reason };
  }

  onReleaseChanged(by: 1 | -1): void {
    this.onRelease += by;
    if (this.onRelease > this.worstCase) this.worstCase = this.onRelease;
  }
}

/** The standing is asked again then, and may hold for longer. */
function heldUntil({ offeredAt = 0, lastSeenAt }: VirtualAttempt, timeoutSeconds: number, now: number): number {
  const byOffer = offeredAt + timeoutSeconds * 1000;
  return byOffer > now ? byOffer : lastSeenAt + timeoutSeconds * 1000;
}

/** There is nobody to ask in a simulation. */
function takenToPass(name: string, now: number): GateResult {
  return { name, verdict: 'passed', detail: 'taken to pass in a simulation.', askedAt: now };
}
