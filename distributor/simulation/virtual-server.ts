/**
 * Serves the devices of a simulation: keeps in memory what the real server keeps in its database, asks the same
 * `decide` and `advance`, and lets campaigns take their steps once a minute, or at once where failures are enough for
 * an abort.
 */
import type { ReleaseIndex } from '../catalog/releases.ts';
import type { CampaignState } from '../rollout/campaign.ts';
import { heldAgents } from '../rollout/campaigns/held-agents.ts';
import type { Transition } from '../rollout/campaigns/transition.ts';
import { openWaveOf } from '../rollout/cohort.ts';
import type { CompiledPlan } from '../rollout/compiled-plan.ts';
import { decide } from '../rollout/deciding/decide.ts';
import type { DecideInput, Peer } from '../rollout/deciding/decide-input.ts';
import { type Finding, findingsOf } from '../rollout/deciding/findings.ts';
import type { Decision } from '../rollout/decision.ts';
import { placeOf } from '../rollout/placement.ts';
import { CampaignRun } from './campaign-run.ts';
import type { PollGrid } from './poll-grid.ts';
import { newVirtualAttempt, settle } from './virtual-attempt.ts';
import type { VirtualAttempt, VirtualDevice, VirtualReport } from './virtual-device.ts';

/** How often campaigns are looked at. */
export const tickMs = 60_000;

interface VirtualServerPorts {
  readonly compiled: CompiledPlan;
  readonly releases: ReleaseIndex;
  readonly devices: readonly VirtualDevice[];
  readonly grid: PollGrid;
  readonly start: number;
  /** Told after each transition. */
  readonly onTransition: (run: CampaignRun, transition: Transition, now: number) => void;
  /** An attempt's standing changes by time at this moment at the earliest. */
  readonly onTimeout: (device: VirtualDevice, at: number) => void;
}

const settledPhases = ['idle', 'committed', 'rolled-back'];

export class VirtualServer {
  readonly runs: readonly CampaignRun[];
  readonly #outside: VirtualServerPorts;
  readonly #byName: ReadonlyMap<string, CampaignRun>;
  /** By product, as the server asks its database. */
  readonly #peerTimeoutMs = new Map<string, number>();
  decisions = 0;

  constructor(outside: VirtualServerPorts) {
    const { compiled, releases, devices, start } = outside;
    this.#outside = outside;
    this.runs = compiled.rollouts.map((rollout) => {
      const { product, target } = rollout.rollout;
      const platform = devices.find(({ is }) => is.product === product)?.is.platform;
      const goal = platform && releases.find(product, platform, target);
      return new CampaignRun(rollout, goal, devices, start);
    });
    this.#byName = new Map(this.runs.map((run) => [run.name, run]));
    for (const { rollout } of compiled.rollouts) {
      const known = this.#peerTimeoutMs.get(rollout.product) ?? 0;
      this.#peerTimeoutMs.set(rollout.product, Math.max(known, rollout.deviceTimeoutSeconds * 1000));
    }
  }

  run(rollout: string): CampaignRun | undefined {
    return this.#byName.get(rollout);
  }

  /** Answers a check and records what it shows, and the offer. */
  check(device: VirtualDevice, now: number): Decision {
    this.decisions++;
    const { compiled, releases } = this.#outside;
    const { is, attempts, check } = device;
    const peers = compiled.wantsPeers(is.product, is.location) ? this.#peersOf(device, now) : noPeers;
    const input: DecideInput = {
      device: { id: is.id, check, labels: is.labels, enrolledAt: is.enrolledAt },
      plan: compiled,
      releases,
      campaign: this.#campaign,
      attempts,
      peers,
      now,
      spending: ({ rollout }) => this.#byName.get(rollout)?.spending(now),
    };
    const decision = decide(input);
    const findings = findingsOf(input);
    device.knownCurrent = check.current?.version;
    device.knownPhase = check.phase;
    device.lastSeenAt = now;
    for (const attempt of attempts) {
      attempt.lastSeenAt = now;
      this.#recount(device, attempt, now);
    }
    for (const finding of findings) this.#find(device, finding, now);
    if (decision.kind === 'update') {
      const run = this.#byName.get(decision.rollout.name);
      if (run) this.#offer(device, run, decision, now);
    }
    if (decision.kind === 'revert') {
      const attempt = attempts.find(({ rollout }) => rollout === decision.rollout.name);
      if (attempt) attempt.revertedAt = now;
    }
    return decision;
  }

  /** Takes a report as the server's store does. */
  report(device: VirtualDevice, { rollout, version, phase, outcome, bytesOnWire }: VirtualReport, now: number): void {
    device.lastSeenAt = now;
    const run = this.#byName.get(rollout);
    const attempt = device.attempts.find((found) => found.rollout === rollout);
    if (!run || !attempt) return;
    const before = attempt.standing;
    attempt.phase = phase;
    attempt.lastSeenAt = now;
    if (bytesOnWire !== undefined) {
      run.moved(attempt, bytesOnWire - (attempt.bytesOnWire ?? 0), now);
      attempt.bytesOnWire = bytesOnWire;
    }
    if (outcome !== undefined) {
      // One on the way to the goal is no result of the campaign.
      settle(attempt, outcome === 'committed' && version !== run.version ? undefined : outcome, now);
      if (!attempt.hadOutcome) run.settled(attempt);
      attempt.hadOutcome = true;
    }
    this.#count(device, run, attempt, before, now);
    if (outcome !== undefined && outcome !== 'committed') this.#advance(run, now, 'aborts-only');
  }

  /** The time of an attempt may have run out. */
  timeout(device: VirtualDevice, now: number): void {
    for (const attempt of device.attempts) this.#recount(device, attempt, now);
  }

  /** Lets every campaign take at most one step. */
  tick(now: number): void {
    for (const run of this.runs) {
      if (!run.isDirty && now < run.lookAt) continue;
      run.isDirty = false;
      run.lookAt = Number.POSITIVE_INFINITY;
      this.#advance(run, now, 'any');
    }
  }

  /**
   * A parked device asks nothing, but it would have been heard at each of its checks.
   * @param isInclusive whether a check at this very moment counts
   */
  lastSeenAt(device: VirtualDevice, now: number, isInclusive: boolean): number | undefined {
    if (device.parkedUntil === undefined) return device.lastSeenAt;
    const polled = this.#outside.grid.before(device.index, now, isInclusive);
    return polled === undefined ? device.lastSeenAt : Math.max(polled, device.lastSeenAt ?? polled);
  }

  /** When `tick` can do something; Infinity for never. */
  nextTickAt(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const run of this.runs) at = Math.min(at, run.isDirty ? now : run.lookAt);
    const { start } = this.#outside;
    const earliest = Math.max(at, now + 1);
    return start + Math.ceil((earliest - start) / tickMs) * tickMs;
  }

  /** Makes a change that `advance` or a person asked for. */
  apply(run: CampaignRun, transition: Transition, now: number): boolean {
    if (!run.apply(transition, now)) return false;
    if (transition.kind === 'open-wave') run.held.push(this.#heldBy(run, transition.index));
    for (const other of this.runs) if (other.compiled.rollout.after.includes(run.name)) other.isDirty = true;
    this.#outside.onTransition(run, transition, now);
    return true;
  }

  readonly #campaign = (rollout: string, version: string): CampaignState | undefined => {
    const run = this.#byName.get(rollout);
    return run && run.version === version && isKept(run) ? run.state : undefined;
  };

  #advance(run: CampaignRun, now: number, which: 'any' | 'aborts-only'): void {
    const dependencies = run.compiled.rollout.after.map((name) => ({
      rollout: name,
      isCompleted: this.#byName.get(name)?.state.status === 'completed',
    }));
    const step = run.next(dependencies, now);
    if (step.kind === 'wait') {
      if (which === 'aborts-only') return;
      run.waits = step;
      run.deadSince = run.isAtRest ? (run.deadSince ?? now) : undefined;
      run.lookAt = step.until ?? Number.POSITIVE_INFINITY;
      return;
    }
    if (which === 'aborts-only' && step.kind !== 'abort') return;
    this.apply(run, run.transitionOf(step), now);
  }

  #offer(
    device: VirtualDevice,
    run: CampaignRun,
    { place, release, generation, isRetry }: Decision & { kind: 'update' },
    now: number,
  ): void {
    let attempt = device.attempts.find(({ rollout }) => rollout === run.name);
    const before = attempt?.standing;
    if (!attempt) {
      attempt = newVirtualAttempt(device, run, place, now);
      device.attempts.push(attempt);
    } else if (isRetry) settle(attempt, undefined, now);
    const offered = { offeredVersion: release.version, offeredAt: now, foundAt: undefined };
    Object.assign(attempt, { ...offered, generation, lastSeenAt: now });
    run.offered(attempt, now);
    this.#count(device, run, attempt, before, now);
  }

  #find(device: VirtualDevice, finding: Finding, now: number): void {
    const run = this.#byName.get(finding.rollout);
    let attempt = device.attempts.find(({ rollout }) => rollout === finding.rollout);
    if (!run) return;
    const before = attempt?.standing;
    if (finding.kind === 'runs') {
      if (!attempt) {
        attempt = newVirtualAttempt(device, run, finding.place, now);
        device.attempts.push(attempt);
      } else if (finding.isRetry) settle(attempt, undefined, now);
      attempt.foundAt = now;
      attempt.generation = finding.generation;
    } else if (attempt) {
      attempt.foundAt = undefined;
      settle(attempt, finding.kind === 'fell-back' ? 'rolled-back' : undefined, now);
    }
    if (attempt) this.#count(device, run, attempt, before, now);
  }

  /** Agents of the wave that wait for a server in a later one. */
  #heldBy({ compiled: { rollout, includes }, version, state: { openedWaves } }: CampaignRun, wave: number): number {
    const placed = this.#outside.devices
      .filter(({ is }) => is.product === rollout.product && is.location.cluster !== undefined)
      .map(({ is, knownCurrent }) => {
        const place = includes(is.labels) ? placeOf(rollout.name, is.id) : 1;
        const wave = openWaveOf(place, is.enrolledAt, openedWaves);
        return { location: is.location, vouched: is.vouched, wave, current: knownCurrent };
      });
    return heldAgents(placed, version, openedWaves.length)[wave] ?? 0;
  }

  #recount(device: VirtualDevice, attempt: VirtualAttempt, now: number): void {
    const run = this.#byName.get(attempt.rollout);
    if (run) this.#count(device, run, attempt, attempt.standing, now);
  }

  #count(
    device: VirtualDevice,
    run: CampaignRun,
    attempt: VirtualAttempt,
    before: VirtualAttempt['standing'] | undefined,
    now: number,
  ): void {
    const until = run.count(attempt, before, now);
    if (until < device.timeoutAt) this.#outside.onTimeout(device, until);
  }

  #peersOf(device: VirtualDevice, now: number): Peer[] {
    const timeoutMs = this.#peerTimeoutMs.get(device.is.product) ?? 0;
    return device.neighbours.map((peer): Peer => {
      const lastSeenAt = this.lastSeenAt(peer, now, peer.index < device.index);
      const isOpen = peer.attempts.some(
        ({ outcome, offeredAt, foundAt }) =>
          outcome === undefined && foundAt === undefined && now < (offeredAt ?? 0) + timeoutMs,
      );
      const isInTheMiddle =
        !settledPhases.includes(peer.knownPhase) && lastSeenAt !== undefined && now < lastSeenAt + timeoutMs;
      const { id, product, vouched } = peer.is;
      return { id, product, ...vouched, current: peer.knownCurrent, isUpdating: isOpen || isInTheMiddle, lastSeenAt };
    });
  }
}

const noPeers: DecideInput['peers'] = [];

/** A campaign exists in the database from its first transition on. */
function isKept({ state }: CampaignRun): boolean {
  return state.openedWaves.length > 0 || state.status !== 'active';
}
