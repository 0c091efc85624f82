/**
 * Serves the devices of a simulation with the parts of the server, over a fleet in memory and a virtual clock: checks,
 * reports, campaigns and the plan are its own. It looks at campaigns once a minute, and not where nothing can have
 * changed.
 */
import { toSlipwayError } from '../../contract/errors.ts';
import type { ReleaseIndex } from '../catalog/releases.ts';
import { composeRollouts, type Rollouts } from '../compose-rollouts.ts';
import type { Plan } from '../declaration/plan.ts';
import type { DeviceDesk } from '../fleet/device-desk.ts';
import { GivenLabels } from '../fleet/labels/given-labels.ts';
import { takeCheck } from '../fleet/take-check.ts';
import { takeReports } from '../fleet/take-reports.ts';
import type { CampaignAttempt, CampaignState } from '../rollout/campaign.ts';
import type { CampaignEvent } from '../rollout/campaigns/campaign-event.ts';
import type { ControlAction } from '../rollout/campaigns/control.ts';
import type { BoundSource } from '../rollout/campaigns/draw-bound.ts';
import { heldAgentsOf } from '../rollout/campaigns/held-agents.ts';
import type { Transition } from '../rollout/campaigns/transition.ts';
import type { Decision } from '../rollout/decision.ts';
import { type FleetInMemory, fleetInMemory } from './fleet-state/fleet-state.ts';
import type { PollGrid } from './poll-grid.ts';
import { enrolFleet, putInForce } from './prepared-fleet.ts';
import { RolloutRun } from './rollout-run.ts';
import { simulatedReport, type VirtualDevice } from './virtual-device.ts';

/** How often campaigns are looked at. */
export const tickMs = 60_000;

interface SimulatedServerInput {
  readonly plan: Plan;
  readonly releases: ReleaseIndex;
  readonly devices: readonly VirtualDevice[];
  readonly grid: PollGrid;
  readonly start: number;
  /** Told after each transition. */
  readonly onTransition: (run: RolloutRun, transition: Transition, now: number) => void;
}

export class SimulatedServer {
  /** In the order of the plan; none before `start`. */
  runs: readonly RolloutRun[] = [];
  readonly #input: SimulatedServerInput;
  readonly #fleet: FleetInMemory;
  readonly #rollouts: Rollouts;
  readonly #desk: DeviceDesk;
  readonly #bounds: BoundSource;
  #byName: ReadonlyMap<string, RolloutRun> = new Map();
  /** Runs whose wave opened, and was not looked at for agents that wait. */
  readonly #opened: RolloutRun[] = [];
  #now: number;
  #hasProbed = false;
  decisions = 0;

  constructor(input: SimulatedServerInput) {
    const { releases: known, start } = input;
    const releases = () => known;
    const canRevert = true;
    this.#input = input;
    this.#now = start;
    const fleet = fleetInMemory({ keptReports: 0, onTransition: (...change) => this.#changed(...change) });
    const yieldToEventLoop = () => Promise.resolve();
    this.#fleet = fleet;
    this.#bounds = { devices: fleet, yieldToEventLoop };
    this.#rollouts = composeRollouts({
      ...{ fleet, releases, canRevert, source: undefined, allowRewrite: false, yieldToEventLoop },
      readPlan: async () => input.plan,
      // There is nobody to ask in a simulation.
      probe: {
        ask: async ({ name }, now) => {
          this.#hasProbed = true;
          return { name, verdict: 'passed', detail: 'taken to pass in a simulation.', askedAt: now };
        },
      },
      clock: () => this.#now,
      observe: { reconciled: () => {}, campaign: throwFailure, problem: rethrow },
    });
    this.#desk = {
      ...this.#rollouts,
      fleet,
      releases,
      canRevert,
      givenLabels: new GivenLabels(),
      fellBack: () => {},
      identityShared: () => {},
    };
  }

  /** Enrols the devices and brings the plan into force. */
  async start(): Promise<void> {
    const { plan, devices, releases, start } = this.#input;
    await enrolFleet(this.#fleet, devices, start);
    await putInForce(this.#fleet, plan, start);
    await this.#rollouts.reconciler.start();
    this.runs = this.#rollouts.campaigns.compiled.rollouts.map((compiled) => {
      const { product, target } = compiled.rollout;
      const [version = ''] = releases.versions(product, target);
      return new RolloutRun(compiled, version, { devices, fleet: this.#fleet, start });
    });
    this.#byName = new Map(this.runs.map((run) => [run.name, run]));
  }

  run(rollout: string): RolloutRun | undefined {
    return this.#byName.get(rollout);
  }

  async check(device: VirtualDevice, now: number): Promise<Decision> {
    this.decisions++;
    this.#now = now;
    for (const other of device.neighbours) this.catchUp(other, now, other.index < device.index);
    const { check } = device;
    return takeCheck(this.#desk, { id: device.is.id, check, bearer: undefined, now });
  }

  /** Takes what a device has to say. */
  async hear(device: VirtualDevice, now: number): Promise<void> {
    if (device.saying.length === 0) return;
    this.#now = now;
    const reports = device.saying.splice(0).map((said) => simulatedReport(said, now));
    await takeReports(this.#desk, device.is.id, reports, now);
    if (this.#opened.length > 0) await this.#lookAtOpened();
  }

  /** Lets every campaign take at most one step. */
  async tick(now: number): Promise<void> {
    this.#now = now;
    const { campaigns } = this.#rollouts;
    for (const run of this.runs) run.isChanged = false;
    for (;;) {
      this.#hasProbed = false;
      await campaigns.advanceAll(now);
      const views = await campaigns.views(now);
      // The real server looks again when the checks of a gate have answered, seconds later.
      if (this.#hasProbed) continue;
      for (const { rollout, next } of views) {
        const run = this.run(rollout.name);
        run?.looked(next?.kind === 'wait' && !run.isChanged ? next : undefined, now);
      }
      break;
    }
    await this.#lookAtOpened();
  }

  /** As an operator would. @throws SlipwayError where it is refused */
  async control(run: RolloutRun, action: ControlAction, now: number): Promise<void> {
    this.#now = now;
    await this.#rollouts.campaigns.control(run.name, action, 'an operator', now);
    await this.#lookAtOpened();
  }

  /** When `tick` can do something; Infinity for never. */
  nextTickAt(now: number): number {
    let at = Number.POSITIVE_INFINITY;
    for (const run of this.runs) at = Math.min(at, run.nextLookAt(now));
    const { start } = this.#input;
    const earliest = Math.max(at, now + 1);
    return start + Math.ceil((earliest - start) / tickMs) * tickMs;
  }

  attemptOf(device: VirtualDevice, run: RolloutRun): CampaignAttempt | undefined {
    return this.#fleet.attemptOf(device.is.id, run.state);
  }

  /**
   * A parked device asks nothing, but it would have been heard at each of its checks.
   * @param isInclusive whether a check at this very moment counts
   */
  catchUp(device: VirtualDevice, now: number, isInclusive: boolean): void {
    if (device.parkedUntil === undefined) return;
    const at = this.#input.grid.before(device.index, now, isInclusive);
    if (at !== undefined && at > (this.lastSeenAt(device) ?? -1)) this.#fleet.heard(device.is.id, at);
  }

  lastSeenAt(device: VirtualDevice): number | undefined {
    return this.#fleet.lastSeenAt(device.is.id);
  }

  #changed(state: CampaignState, transition: Transition, now: number): void {
    const run = this.run(state.rollout);
    if (!run) return;
    run.changed(state);
    if (transition.kind === 'open-wave') this.#opened.push(run);
    this.#input.onTransition(run, transition, now);
  }

  /** Agents of a wave that wait for a server in a later one, as it opens. */
  async #lookAtOpened(): Promise<void> {
    for (const run of this.#opened.splice(0)) {
      const { compiled } = this.#rollouts.campaigns;
      const held = await heldAgentsOf(this.#bounds, compiled, run.compiled, run.state);
      const last = run.state.openedWaves.length - 1;
      run.held[last] = held[last] ?? 0;
    }
  }
}

function throwFailure(event: CampaignEvent): void {
  if (event.kind === 'failed') throw event.problem;
}

function rethrow(error: unknown): void {
  throw toSlipwayError(error);
}
