/**
 * Runs a plan over virtual devices and a virtual clock, served by the parts of the real server, and says what came of
 * it. The same input gives the same result on every machine. Devices whose answer cannot change sleep until it can.
 */
import { toSlipwayError } from '../../contract/errors.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Release } from '../catalog/releases.ts';
import type { Plan } from '../declaration/plan.ts';
import type { ControlAction } from '../rollout/campaigns/control.ts';
import type { Transition } from '../rollout/campaigns/transition.ts';
import { compilePlan } from '../rollout/compiled-plan.ts';
import type { Decision } from '../rollout/decision.ts';
import { Asking } from './asking.ts';
import { Behaviour } from './behaviour.ts';
import { EventQueue, queuedKinds } from './event-queue.ts';
import { Fate } from './fate.ts';
import { PollGrid } from './poll-grid.ts';
import { resultOf, type SimulationResult } from './result.ts';
import type { RolloutRun } from './rollout-run.ts';
import { Seeded } from './seeded.ts';
import { SimulatedServer, tickMs } from './simulated-server.ts';
import { Timeline } from './timeline.ts';
import { Updating } from './updating.ts';
import type { Schedule, VirtualDevice, VirtualReport } from './virtual-device.ts';
import { type FleetConditions, type KnownDevice, virtualFleet } from './virtual-fleet.ts';

/** What a person does to a rollout in the middle of it. */
export interface PlannedAction {
  readonly afterSeconds: number;
  readonly action: ControlAction;
  /** Undefined: every rollout. */
  readonly rollout: string | undefined;
}

export interface SimulationInput extends FleetConditions {
  readonly plan: Plan;
  /** How many to make up, or the devices of a fleet. */
  readonly fleet: number | readonly KnownDevice[];
  /** A whole number, 0 to 2^53 - 1. */
  readonly seed: number;
  /** Share of the devices on which the release fails, 0 to 1. */
  readonly failureRate: number;
  readonly pollSeconds: number;
  /** Ends at the latest after so long. */
  readonly forSeconds: number;
  readonly actions: readonly PlannedAction[];
  /** The rollout that the result is about; undefined: the last one to end. */
  readonly rollout: string | undefined;
  /** Ask also where the answer cannot have changed, and look at campaigns each minute. Slow; the result is the same. */
  readonly asksAlways: boolean;
}

/** Told what happens while it does; times are milliseconds since 1970. */
export interface SimulationObserver {
  readonly transition?: (run: RolloutRun, transition: Transition, now: number) => void;
  readonly answered?: (device: VirtualDevice, decision: Decision, now: number) => void;
  readonly switched?: (device: VirtualDevice, release: Release, now: number) => void;
  readonly did?: (device: VirtualDevice, report: VirtualReport, now: number) => void;
  /** A planned action that the rollout does not take. */
  readonly refused?: (run: RolloutRun, action: ControlAction, why: string, now: number) => void;
  /** About once in a hundred thousand events. */
  readonly progress?: (now: number, runs: readonly RolloutRun[]) => void;
}

export interface Simulated {
  readonly result: SimulationResult;
  readonly timeline: Timeline;
  /** How often `decide` was asked. */
  readonly decisions: number;
  readonly previous: ReadonlyMap<string, Version>;
}

/** What is under way when the last rollout ends still happens; it ends when so much has passed. */
const settleMs = 24 * 3600 * 1000;
const eventsAProgress = 100_000;

export async function simulate(input: SimulationInput, observe: SimulationObserver = {}): Promise<Simulated> {
  const { start } = input;
  const seeded = new Seeded(input.seed);
  const compiled = compilePlan(input.plan);
  const { devices, releases } = virtualFleet(compiled, input.fleet, input, seeded);
  const grid = new PollGrid(seeded, start, input.pollSeconds);
  const queue = new EventQueue();
  let askedAtThisMoment = -1;
  const server = new SimulatedServer({
    plan: input.plan,
    releases: releases.index,
    devices,
    grid,
    start,
    onTransition(run, transition, now) {
      observe.transition?.(run, transition, now);
      const { product } = run.compiled.rollout;
      for (const device of devices) {
        if (device.is.product === product) asking.wake(device, now, device.index <= askedAtThisMoment);
      }
    },
  });
  await server.start();
  const schedule: Schedule = (device, kind, at) => queue.push(at, kind, device.index);
  const asking = new Asking({ server, grid, schedule });
  const fate = new Fate(seeded, input.failureRate);
  const { updateBytes, asksAlways } = input;
  const updating = new Updating({ server, asking, fate, updateBytes, schedule, observe });
  const behaviour = new Behaviour({ server, asking, updating, asksAlways, answered: observe.answered });
  const timeline = new Timeline(server.runs, start);
  const actions = [...input.actions].sort((a, b) => a.afterSeconds - b.afterSeconds);
  for (const device of devices) asking.begin(device, start);

  let now = start;
  let endAt = start + input.forSeconds * 1000;
  let tickAt = start;
  for (let events = 1; ; events++) {
    const [action] = actions;
    const actAt = action ? start + action.afterSeconds * 1000 : Number.POSITIVE_INFINITY;
    const nextAt = Math.min(tickAt, queue.nextAt, actAt);
    if (nextAt >= endAt) break;
    now = nextAt;
    timeline.upTo(now);
    askedAtThisMoment = -1;
    if (nextAt === tickAt) {
      await server.tick(now);
      if (actions.length === 0 && server.runs.every((run) => run.isAtRest)) {
        const restsSince = Math.max(...server.runs.map((run) => run.deadSince ?? run.state.changedAt));
        endAt = Math.min(start + input.forSeconds * 1000, restsSince + settleMs);
      } else endAt = start + input.forSeconds * 1000;
    } else if (action && nextAt === actAt) {
      actions.shift();
      await act(server, action, now, observe);
    } else {
      const kind = queue.nextKind;
      const device = devices[queue.nextDevice];
      queue.pop();
      if (!device) continue;
      if (kind === queuedKinds.step && device.stepAt === now) await behaviour.step(device, now);
      else if (kind === queuedKinds.poll && device.pollAt === now) {
        askedAtThisMoment = device.index;
        device.pollAt = Number.POSITIVE_INFINITY;
        await behaviour.poll(device, now);
      }
    }
    tickAt = input.asksAlways ? start + (Math.floor((now - start) / tickMs) + 1) * tickMs : server.nextTickAt(now);
    if (events % eventsAProgress === 0) observe.progress?.(now, server.runs);
  }
  timeline.end(endAt);
  return {
    result: resultOf({ server, start, endAt, input }),
    timeline,
    decisions: server.decisions,
    previous: releases.previous,
  };
}

/** As an operator would; what is refused changes nothing. */
async function act(
  server: SimulatedServer,
  { action, rollout }: PlannedAction,
  now: number,
  observe: SimulationObserver,
): Promise<void> {
  for (const run of server.runs) {
    if (rollout !== undefined && run.name !== rollout) continue;
    try {
      await server.control(run, action, now);
    } catch (error) {
      observe.refused?.(run, action, toSlipwayError(error).message, now);
    }
  }
}
