/**
 * Keeps the state of the declared campaigns in force: counts what happened, lets `advance` decide, records what it
 * decided, and does what people ask for. Offers nothing itself; see decide.
 */
import { SlipwayError, toSlipwayError } from '../../../contract/errors.ts';
import type { ReleaseIndex } from '../../catalog/releases.ts';
import { emptyPlan, type Plan } from '../../declaration/plan.ts';
import type { Rollout } from '../../declaration/rollout.ts';
import { ownActor } from '../../events/audit.ts';
import type { DeviceStore } from '../../fleet/ports.ts';
import type { PlanInForce } from '../../reconcile/ports.ts';
import { SerialQueue } from '../../serial-queue.ts';
import { type CampaignKey, type CampaignState, campaignText } from '../campaign.ts';
import { type CompiledPlan, type CompiledRollout, compilePlan } from '../compiled-plan.ts';
import { unknownRollout } from '../unknown-rollout.ts';
import type { Dependency } from './advance.ts';
import { type CampaignEvent, heldBy } from './campaign-event.ts';
import { CampaignLook, type Declared } from './campaign-look.ts';
import { CloserLook } from './closer-look.ts';
import { type ControlAction, controlStep } from './control.ts';
import { type BoundSource, reachText, widerWaves } from './draw-bound.ts';
import type { GateProbe } from './gates.ts';
import type { CampaignStore } from './ports.ts';
import { type Transition, unstarted } from './transition.ts';
import type { CampaignView } from './view.ts';

interface CampaignsInput {
  readonly plan: PlanInForce;
  readonly store: CampaignStore & Pick<DeviceStore, 'membersOf'>;
  readonly releases: () => ReleaseIndex;
  readonly probe: GateProbe;
  readonly observe: (event: CampaignEvent) => void;
  /** Ends a turn of the event loop, so that requests are answered between two pieces of long work. */
  readonly yieldToEventLoop: () => Promise<void>;
}

export class Campaigns {
  readonly #input: CampaignsInput;
  readonly #look: CampaignLook;
  readonly #bounds: BoundSource;
  readonly #closer: CloserLook;
  readonly #states = new Map<string, CampaignState>();
  /** Rollouts whose open waves may reach further than before: after a start, and after a change of plan. */
  readonly #toRedraw = new Set<string>();
  #compiled: CompiledPlan = compilePlan(emptyPlan);
  #soon: Promise<void> | undefined;
  readonly #changes = new SerialQueue();

  constructor(input: CampaignsInput) {
    this.#input = input;
    this.#bounds = { devices: input.store, yieldToEventLoop: input.yieldToEventLoop };
    this.#closer = new CloserLook(this.#bounds, input.store);
    this.#look = new CampaignLook(input.store, input.probe, this.#bounds);
    this.#compile(input.plan.plan);
    input.plan.onChange((plan) => this.#compile(plan));
  }

  /** The plan in force, ready for deciding. */
  get compiled(): CompiledPlan {
    return this.#compiled;
  }

  /** As this process knows it; deciding asks the database. */
  state(rollout: string, version: string): CampaignState | undefined {
    return this.#states.get(campaignText({ rollout, version }));
  }

  /** Lets every campaign take at most one step, where this replica leads. @returns whether it does */
  advanceAll(now: number): Promise<boolean> {
    return this.#changes.run(() => this.#advanceAll(now));
  }

  /**
   * Takes notice of devices that failed anew. Resolves when an abort that they are enough for is in force, so far as
   * this one leads.
   */
  async noteFailures(failed: readonly CampaignKey[], now: number): Promise<void> {
    let mayAbort = false;
    for (const { rollout } of failed) {
      const compiled = this.#compiled.find(rollout);
      if (compiled && this.#look.failed(this.#declared(compiled))) mayAbort = true;
    }
    if (mayAbort) await this.#advanceSoon(now);
  }

  /** Takes notice of a new device. Resolves when a rollout that waited for the first of its group has opened for it. */
  async noteEnrolment(now: number): Promise<void> {
    if (this.#look.othersCame()) await this.#advanceSoon(now);
  }

  /** Many devices come at once: those that come while one look waits for its turn share it. */
  async #advanceSoon(now: number): Promise<void> {
    this.#soon ??= this.#changes.run(async () => {
      this.#soon = undefined;
      await this.#advanceAll(now);
    });
    await this.#soon;
  }

  /**
   * A person's word on a rollout; in force when the promise is done.
   * @param by as the audit log has it
   * @param because what the person gives as the reason; empty for none
   * @throws SlipwayError `rollout-unknown`, `release-unknown`, `rollout-finished`, `rollout-held`
   */
  control(name: string, action: ControlAction, by: string, now: number, because = ''): Promise<void> {
    return this.#changes.run(async () => {
      await this.#loadStates();
      const compiled = this.#find(name);
      const refusals: SlipwayError[] = [];
      const versions = this.#versionsOf(compiled.rollout);
      for (const version of versions) {
        try {
          await this.#controlOne(compiled, { rollout: name, version }, action, { by, because }, now);
        } catch (error) {
          refusals.push(toSlipwayError(error));
        }
      }
      const [refusal] = refusals;
      if (refusal && refusals.length === versions.length) throw refusal;
    });
  }

  /**
   * Of one that is named also what a closer look tells. @throws SlipwayError `rollout-unknown` when it is not declared
   */
  async views(now: number, name?: string): Promise<CampaignView[]> {
    const rollouts = name === undefined ? this.#compiled.rollouts : [this.#find(name)];
    // Other replicas and the command line change campaigns, too.
    await this.#changes.run(() => this.#loadStates());
    const views: CampaignView[] = [];
    for (const compiled of rollouts) {
      const { rollout } = compiled;
      const versions = this.#input.releases().versions(rollout.product, rollout.target);
      if (versions.length === 0) views.push({ rollout, campaign: undefined, counts: [], holds: [], next: undefined });
      for (const version of versions) {
        const key = { rollout: rollout.name, version };
        const state = this.state(rollout.name, version) ?? unstarted(key, now);
        const look = await this.#look.at(this.#declared(compiled), state, this.#conditions(rollout, version), now);
        const releases = this.#input.releases();
        const closer = name === undefined ? {} : await this.#closer.of(this.#compiled, compiled, state, releases, now);
        views.push({ rollout, campaign: state, ...look, ...closer });
      }
    }
    return views;
  }

  async #advanceAll(now: number): Promise<boolean> {
    await this.#loadStates();
    const led = await this.#input.store.asLeader(async () => {
      const asked = new Set<string>();
      const redraw = new Set(this.#toRedraw);
      this.#toRedraw.clear();
      for (const compiled of this.#compiled.rollouts) {
        const { name, product, target } = compiled.rollout;
        for (const version of this.#input.releases().versions(product, target)) {
          const key = { rollout: name, version };
          try {
            const state = this.state(name, version) ?? unstarted(key, now);
            if (redraw.has(name) && (await this.#raise(compiled, state, now))) continue;
            await this.#advanceOne(compiled, state, now, asked);
          } catch (error) {
            if (redraw.has(name)) this.#toRedraw.add(name);
            this.#input.observe({ kind: 'failed', key, problem: toSlipwayError(error) });
          }
        }
      }
      this.#look.keep(asked);
      return true;
    });
    return led ?? false;
  }

  async #advanceOne(compiled: CompiledRollout, state: CampaignState, now: number, asked: Set<string>): Promise<void> {
    const { rollout } = compiled;
    const declared = this.#declared(compiled);
    const { next: step } = await this.#look.at(declared, state, this.#conditions(rollout, state.version), now);
    if (step.kind === 'wait') {
      const held = heldBy(state, rollout.waves, step);
      if (held) this.#input.observe(held);
      if (step.reason === 'check-failed' || step.reason === 'check-unknown') {
        asked.add(this.#look.ask(declared, state, now));
      }
      const filling = step.reason === 'nobody-in-group' && (await this.#look.filling(declared, state, now));
      if (filling) await this.#advanceBy(state, filling, now);
      return;
    }
    await this.#advanceBy(state, await this.#look.transitionOf(declared, state, step, now), now);
  }

  /** @returns whether it was this one that made the change */
  async #advanceBy(state: CampaignState, transition: Transition, now: number): Promise<boolean> {
    const isDone = await this.#apply(state, transition, now, ownActor);
    if (isDone) this.#input.observe({ kind: 'advanced', key: keyOf(state), transition });
    return isDone;
  }

  async #controlOne(
    compiled: CompiledRollout,
    key: CampaignKey,
    action: ControlAction,
    { by, because }: { readonly by: string; readonly because: string },
    now: number,
  ): Promise<void> {
    const said = because === '' ? by : `${by}: ${because.replace(/\.$/, '')}`;
    // Somebody else, or the campaign itself, may be faster: what was asked for is looked at anew then.
    for (let trial = 0; trial < 5; trial++) {
      const state = this.state(key.rollout, key.version) ?? unstarted(key, now);
      const step = controlStep(compiled.rollout, state, action, said, now);
      if (!step) return;
      const transition = await this.#look.transitionOf(this.#declared(compiled), state, step, now);
      if (await this.#apply(key, transition, now, by)) {
        this.#input.observe({ kind: 'controlled', key, action, by });
        return;
      }
    }
    throw new SlipwayError('rollout-held', `rollout ${key.rollout} changes faster than it could be told to ${action}`, {
      hint: 'Look at it and ask again.',
    });
  }

  async #raise(compiled: CompiledRollout, state: CampaignState, now: number): Promise<boolean> {
    let hasRaised = false;
    for (const transition of await widerWaves(this.#bounds, this.#compiled, compiled, state)) {
      if (await this.#advanceBy(state, transition, now)) hasRaised = true;
    }
    return hasRaised;
  }

  /** @returns whether it was this one that made the change; what is there now is known either way */
  async #apply(campaign: CampaignKey, transition: Transition, now: number, actor: string): Promise<boolean> {
    const key = keyOf(campaign);
    const isDone = await this.#input.store.applyTransition(key, transition, now, actor);
    this.#look.forget(key);
    await this.#loadStates();
    return isDone;
  }

  #declared(compiled: CompiledRollout): Declared {
    return { plan: this.#compiled, compiled };
  }

  /** What has to be the case before its first wave opens. */
  #conditions(rollout: Rollout, version: string) {
    const { product, require: required = [], after } = rollout;
    const lacking = this.#input.releases().lacking(product, version, required);
    return { dependencies: after.map((name) => this.#dependency(name)), lacking };
  }

  #dependency(name: string): Dependency {
    const rollout = this.#compiled.find(name)?.rollout;
    const versions = rollout ? this.#input.releases().versions(rollout.product, rollout.target) : [];
    const isCompleted = (version: string) => this.state(name, version)?.status === 'completed';
    return { rollout: name, isCompleted: versions.length > 0 && versions.every(isCompleted) };
  }

  #find(name: string): CompiledRollout {
    const compiled = this.#compiled.find(name);
    if (compiled) return compiled;
    throw unknownRollout(name);
  }

  #versionsOf({ product, target }: Rollout): string[] {
    const versions = this.#input.releases().versions(product, target);
    if (versions.length > 0) return versions;
    if ('release' in target) return [target.release];
    throw new SlipwayError('release-unknown', `channel ${target.channel} points to no release yet`);
  }

  #compile(plan: Plan): void {
    for (const rollout of plan.rollouts) {
      const before = this.#compiled.find(rollout.name)?.rollout;
      if (!before || reachText(before) !== reachText(rollout)) this.#toRedraw.add(rollout.name);
    }
    this.#compiled = compilePlan(plan);
    this.#look.othersCame();
  }

  async #loadStates(): Promise<void> {
    const states = await this.#input.store.loadCampaigns();
    this.#states.clear();
    for (const state of states) this.#states.set(campaignText(state), state);
  }
}

function keyOf({ rollout, version }: CampaignKey): CampaignKey {
  return { rollout, version };
}
