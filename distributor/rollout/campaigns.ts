/**
 * Keeps the declared rollouts and the state of their campaigns in force: reads declarations when they change, lets
 * `advance` decide, records what it decided. Offers nothing itself; see decide.
 */
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { ReleaseIndex } from '../catalog/releases.ts';
import { type Advance, advance } from './advance.ts';
import type { CampaignKey, CampaignState, WaveCounts } from './campaign.ts';
import type { Rollout } from './declaration.ts';
import type { CampaignStore, RolloutSource } from './ports.ts';
import { countWaves } from './progress.ts';

/** What happened, for the log and the metrics. */
export type CampaignEvent =
  | { readonly kind: 'declared'; readonly rollouts: number; readonly contentSha256: string }
  | { readonly kind: 'refused'; readonly problem: SlipwayError }
  | { readonly kind: 'advanced'; readonly key: CampaignKey; readonly advance: Advance }
  | { readonly kind: 'controlled'; readonly key: CampaignKey; readonly action: ControlAction; readonly by: string };

export type ControlAction = 'pause' | 'resume' | 'abort';

/** A campaign as the API and the command line show it. */
export interface CampaignView {
  readonly rollout: Rollout;
  /** Undefined while the store has no release for the rollout. */
  readonly campaign: CampaignState | undefined;
  /** One entry for each opened wave. */
  readonly counts: readonly WaveCounts[];
  /** What would happen now, and why not. */
  readonly next: Advance | undefined;
}

export interface CampaignsInput {
  readonly source: RolloutSource;
  readonly store: CampaignStore;
  readonly releases: () => ReleaseIndex;
  readonly observe: (event: CampaignEvent) => void;
}

export class Campaigns {
  readonly #input: CampaignsInput;
  readonly #states = new Map<string, CampaignState>();
  #declared: readonly Rollout[] = [];
  #contentSha256: string | undefined;
  #refusedMessage: string | undefined;
  #problem: SlipwayError | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(input: CampaignsInput) {
    this.#input = input;
  }

  /** The declarations in force. */
  get declared(): readonly Rollout[] {
    return this.#declared;
  }

  /** Why the files as they are now are not in force; undefined when they are. */
  get problem(): SlipwayError | undefined {
    return this.#problem;
  }

  state(rollout: string, version: string): CampaignState | undefined {
    return this.#states.get(keyText({ rollout, version }));
  }

  /** Takes up where the last run stopped, then reads the declarations. */
  async start(now: number): Promise<void> {
    const kept = await this.#input.store.loadDeclared();
    this.#declared = kept?.rollouts ?? [];
    this.#contentSha256 = kept?.contentSha256;
    await this.#loadStates();
    await this.reload(now);
  }

  /** Reads the declarations; a set that is broken changes nothing but `problem`. */
  reload(now: number): Promise<void> {
    return this.#inTurn(async () => {
      try {
        const set = await this.#input.source.read();
        this.#problem = undefined;
        this.#refusedMessage = undefined;
        if (set.contentSha256 === this.#contentSha256) return;
        await this.#input.store.saveDeclared(set, now);
        this.#declared = set.rollouts;
        this.#contentSha256 = set.contentSha256;
        const { contentSha256, rollouts } = set;
        this.#input.observe({ kind: 'declared', rollouts: rollouts.length, contentSha256 });
      } catch (error) {
        const problem = toSlipwayError(error);
        const isNews = this.#refusedMessage !== problem.message;
        this.#problem = problem;
        this.#refusedMessage = problem.message;
        if (isNews) this.#input.observe({ kind: 'refused', problem });
      }
    });
  }

  /** Lets every campaign take at most one step. */
  advanceAll(now: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#loadStates();
      for (const rollout of this.#declared) {
        for (const version of this.#input.releases().versions(rollout.product, rollout.target)) {
          await this.#advanceOne(rollout, { rollout: rollout.name, version }, now);
        }
      }
    });
  }

  /**
   * A person's word on a rollout; in force when the promise is done.
   * @throws SlipwayError `rollout-unknown`, `release-unknown`, `rollout-finished`
   */
  control(name: string, action: ControlAction, by: string, now: number): Promise<void> {
    return this.#inTurn(async () => {
      const rollout = this.#find(name);
      const versions = this.#versionsOf(rollout);
      const aborted = versions.find((version) => this.state(name, version)?.status === 'aborted');
      if (aborted !== undefined && action !== 'abort') {
        throw new SlipwayError('rollout-finished', `rollout ${name} of ${aborted} was aborted`, {
          hint: 'Declare a rollout of another release, or one with another name.',
        });
      }
      const status = ({ pause: 'paused', resume: 'active', abort: 'aborted' } as const)[action];
      for (const version of versions) {
        const key = { rollout: name, version };
        await this.#input.store.setStatus(key, status, `${past[action]} by ${by}.`, now);
        this.#input.observe({ kind: 'controlled', key, action, by });
      }
      await this.#loadStates();
    });
  }

  /** @throws SlipwayError `rollout-unknown` when a name is given that is not declared */
  async views(now: number, name?: string): Promise<CampaignView[]> {
    const rollouts = name === undefined ? this.#declared : [this.#find(name)];
    const views: CampaignView[] = [];
    for (const rollout of rollouts) {
      const versions = this.#input.releases().versions(rollout.product, rollout.target);
      if (versions.length === 0) views.push({ rollout, campaign: undefined, counts: [], next: undefined });
      for (const version of versions) {
        const campaign = this.state(rollout.name, version);
        const counts = campaign ? await countWaves(this.#input.store, rollout, campaign, now) : [];
        views.push({ rollout, campaign, counts, next: campaign && advance(rollout, campaign, counts, now) });
      }
    }
    return views;
  }

  async #advanceOne(rollout: Rollout, key: CampaignKey, now: number): Promise<void> {
    const { store, observe } = this.#input;
    const state = this.state(key.rollout, key.version) ?? unstarted(key, now);
    const counts = await countWaves(store, rollout, state, now);
    const step = advance(rollout, state, counts, now);
    if (step.kind === 'wait') return;
    if (step.kind === 'open-wave') {
      await store.openWave(key, state.openedWaves.length, step.wave.name, now, step.reason);
    } else {
      const status = ({ abort: 'aborted', complete: 'completed', reopen: 'active' } as const)[step.kind];
      await store.setStatus(key, status, step.reason, now);
    }
    await this.#loadStates();
    observe({ kind: 'advanced', key, advance: step });
  }

  #find(name: string): Rollout {
    const rollout = this.#declared.find((declared) => declared.name === name);
    if (rollout) return rollout;
    throw new SlipwayError('rollout-unknown', `no rollout ${name} is declared`, {
      hint: 'List the rollouts with GET /v1/rollouts.',
    });
  }

  #versionsOf(rollout: Rollout): string[] {
    const versions = this.#input.releases().versions(rollout.product, rollout.target);
    if (versions.length > 0) return versions;
    if ('release' in rollout.target) return [rollout.target.release];
    throw new SlipwayError('release-unknown', `channel ${rollout.target.channel} points to no release yet`);
  }

  async #loadStates(): Promise<void> {
    const states = await this.#input.store.loadCampaigns();
    this.#states.clear();
    for (const state of states) this.#states.set(keyText(state), state);
  }

  /** One change at a time, in the order asked for. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

const past: Record<ControlAction, string> = { pause: 'Paused', resume: 'Resumed', abort: 'Aborted' };

function unstarted(key: CampaignKey, now: number): CampaignState {
  return { ...key, status: 'active', reason: '', openedWaves: [], createdAt: now, changedAt: now };
}

function keyText({ rollout, version }: CampaignKey): string {
  return `${rollout} ${version}`;
}
